"""Files of versions in a folder or in a bucket, for tests that damage them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.settings import Settings
from registry.artifacts.bootstrap import Artifacts
from registry.artifacts.settings import ArtifactSettings
from registry.domain.records import VersionRecord
from tests.integration.registry.shelf import NAME, Shelf

FILES = {
    "MLmodel": b"flavors: {}\n",
    "requirements.txt": b"scikit-learn==1.7.2\nnumpy>=2 ; python_version > '3'\n# pip\n",
    "data/a.bin": bytes(range(256)) * 300,
    "data/b.bin": bytes(reversed(range(256))) * 300,
    "data/caf\u00e9.txt": b"composed",
    "data/cafe\u0301.txt": b"decomposed",
}


class Place(Protocol):
    """Where files lie, whoever asks."""

    def uri(self, name: str) -> str: ...
    def write(self, name: str, file: str, content: bytes) -> None: ...
    def read(self, name: str, file: str) -> bytes: ...
    def delete(self, name: str, file: str) -> None: ...
    def names(self, name: str) -> set[str]: ...


@dataclass
class Folder:
    root: Path

    def uri(self, name: str) -> str:
        return str(self.root / name)

    def write(self, name: str, file: str, content: bytes) -> None:
        path = self.root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read(self, name: str, file: str) -> bytes:
        return (self.root / name / file).read_bytes()

    def delete(self, name: str, file: str) -> None:
        (self.root / name / file).unlink()

    def names(self, name: str) -> set[str]:
        folder = self.root / name
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@dataclass
class Bucket:
    client: Any
    bucket: str

    def uri(self, name: str) -> str:
        return f"mlflow-artifacts:/1/{name}"

    def write(self, name: str, file: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"root/1/{name}/{file}", Body=content)

    def read(self, name: str, file: str) -> bytes:
        answer = self.client.get_object(Bucket=self.bucket, Key=f"root/1/{name}/{file}")
        return bytes(answer["Body"].read())

    def delete(self, name: str, file: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=f"root/1/{name}/{file}")

    def names(self, name: str) -> set[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=f"root/1/{name}/")
        prefix = len(f"root/1/{name}/")
        return {item["Key"][prefix:] for item in found.get("Contents", [])}


@dataclass
class Stored:
    """Files of registered versions where they lie, and what happens to them there."""

    place: Place
    artifacts: Artifacts

    @property
    def settings(self) -> Settings:
        return self.artifacts.kit.settings

    def folder(self, record: VersionRecord) -> str:
        return record.source.rsplit("/", 1)[-1]

    def flip(self, record: VersionRecord, file: str = "data/a.bin") -> None:
        content = bytearray(self.place.read(self.folder(record), file))
        content[len(content) // 2] ^= 1
        self.place.write(self.folder(record), file, bytes(content))

    def lose(self, record: VersionRecord, file: str = "MLmodel") -> None:
        self.place.delete(self.folder(record), file)

    def lose_copy(self, sha256: str) -> None:
        """Delete a content from the replica."""
        self._change_copy(sha256, None)

    def flip_copy(self, sha256: str) -> None:
        self._change_copy(sha256, b"something else")

    def _change_copy(self, sha256: str, content: bytes | None) -> None:
        where = self.settings.of(ArtifactSettings).replica
        if not where.startswith("s3://"):
            (path,) = Path(where).rglob(f"{sha256}*")
            path.unlink() if content is None else path.write_bytes(content)
            return
        assert isinstance(self.place, Bucket)
        bucket = where.removeprefix("s3://").partition("/")[0]
        found = self.place.client.list_objects_v2(Bucket=bucket)["Contents"]
        (key,) = (item["Key"] for item in found if sha256 in item["Key"])
        if content is None:
            self.place.client.delete_object(Bucket=bucket, Key=key)
        else:
            self.place.client.put_object(Bucket=bucket, Key=key, Body=content)

    def add(self, record: VersionRecord, file: str = "data/evil.py") -> None:
        self.place.write(self.folder(record), file, b"print('evil')")

    def swap(
        self, record: VersionRecord, one: str = "data/a.bin", other: str = "data/b.bin"
    ) -> None:
        folder = self.folder(record)
        content = self.place.read(folder, one)
        self.place.write(folder, one, self.place.read(folder, other))
        self.place.write(folder, other, content)

    def content(self, record: VersionRecord) -> dict[str, bytes]:
        folder = self.folder(record)
        return {file: self.place.read(folder, file) for file in self.place.names(folder)}

    def events(self, record: VersionRecord) -> list[str]:
        found = self.artifacts.kit.registry.audit.events(name=record.name)
        return [e.type for e in found if e.version == record.version]


@dataclass
class Keep(Stored):
    """A registry without a server, its files, and what keeps them."""

    shelf: Shelf

    def register(self, name: str = NAME, **more: bytes) -> VersionRecord:
        """Write files and register them; the folder is the place's `v<number>`."""
        folder = f"v{len(self.artifacts.kit.registry.versions.versions(name))}-{name}"
        for file, content in {**FILES, "unique.txt": folder.encode(), **more}.items():
            self.place.write(folder, file, content)
        return self.shelf.register(name=name, source=self.place.uri(folder))


def emptied(folder: Path) -> None:
    for child in folder.iterdir():
        shutil.rmtree(child)
