"""The platform's client for S3: configured once, with errors a person can act on.

Credentials come from boto3's own chain: `AWS_*`, `~/.aws`, a role of the machine. Any server that
speaks S3 will do; nothing here is MinIO's or Amazon's own.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from infra.errors import UsageError, storage_error

if TYPE_CHECKING:
    from infra.settings import Settings

CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS = 4
THREADS = 10
POOL_CONNECTIONS = 64
"""Kept open by one client; those beyond are closed after use."""
CLIENT_SECONDS = 300
"""How long a client is handed out: changed credentials are in use after that."""
KEYS_PER_DELETE = 1000
"""Most that S3 takes in one call."""
PROBE_KEY = ".acgs-probe"


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as a listing shows it; `key` is relative to the store's prefix."""

    key: str
    size_bytes: int
    changed: datetime
    etag: str


@dataclass(frozen=True, slots=True)
class Location:
    """A bucket and a prefix in it, without slashes at its ends; empty for the whole bucket."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, uri: str) -> Location:
        """Read `s3://bucket/prefix`.

        Raises:
            UsageError: it is no such URI, or names a folder above itself.
        """
        parsed = urlparse(uri)
        if parsed.scheme != "s3" or not parsed.netloc:
            raise UsageError(f"expected s3://bucket/prefix, found {uri}")
        prefix = unquote(parsed.path).strip("/")
        if ".." in PurePosixPath(prefix).parts:
            raise UsageError(f"expected a path without '..', found {uri}")
        return cls(parsed.netloc, prefix)

    def key(self, relative: str) -> str:
        """Return the full key of an object of this location.

        Raises:
            UsageError: the relative key is absolute or points outside.
        """
        if relative.startswith("/") or ".." in PurePosixPath(relative).parts:
            raise UsageError(f"expected a relative key without '..', found {relative}")
        return f"{self.prefix}/{relative}" if self.prefix else relative

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def is_s3(uri: str) -> bool:
    """Whether a URI names an object store."""
    return uri.startswith("s3://")


def client(settings: Settings, *, attempts: int = ATTEMPTS) -> Any:
    """Return a boto3 client; thread-safe, shared by its callers, opens no connection yet.

    To make one takes longer than to ask a store: boto3 reads megabytes of descriptions.
    """
    variables = sorted((k, v) for k, v in os.environ.items() if k.startswith("AWS_"))
    period = int(time.monotonic() // CLIENT_SECONDS)
    return _client(settings.s3_endpoint or None, attempts, tuple(variables), period)


@lru_cache(maxsize=8)
def _client(
    endpoint: str | None, attempts: int, _variables: tuple[tuple[str, str], ...], _period: int
) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        # Named: for a presigned URL boto3 may still take version 2, which trips over odd names.
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        # Other servers than Amazon's may not know the newer default, and the platform's digests
        # are SHA-256.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if endpoint else "auto"},
        max_pool_connections=POOL_CONNECTIONS,
    )
    # A session of its own: boto3's default one is not safe to make clients from in threads.
    return boto3.session.Session().client("s3", endpoint_url=endpoint, config=config)


def export(settings: Settings) -> None:
    """Let MLflow's own S3 code in this process use the same endpoint, retries and checksums."""
    if settings.s3_endpoint:
        os.environ["MLFLOW_S3_ENDPOINT_URL"] = settings.s3_endpoint
        os.environ.setdefault("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "path")
    os.environ.setdefault("AWS_RETRY_MODE", "standard")
    os.environ.setdefault("AWS_MAX_ATTEMPTS", str(ATTEMPTS))
    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")


def _anything(_key: str) -> None: ...


class ObjectStore:
    """The objects below one location. Every method raises the errors of `infra.stores.errors`."""

    def __init__(self, location: Location, s3: Any) -> None:
        self.location = location
        self.s3 = s3

    @classmethod
    def of(cls, settings: Settings, uri: str) -> ObjectStore:
        """Open the store behind `s3://bucket/prefix`; connects to nothing yet.

        Raises:
            UsageError: it is no such URI.
        """
        return cls(Location.parse(uri), client(settings))

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """List the objects whose key begins with a prefix, a page at a time, by key."""
        start = self.location.key(prefix) if prefix else self._folder()
        with self._asking():
            pages = self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.location.bucket, Prefix=start
            )
            for page in pages:
                for item in page.get("Contents", []):
                    key = str(item["Key"])[len(self._folder()) :]
                    etag = str(item.get("ETag", "")).strip('"')
                    yield Entry(key, int(item["Size"]), item["LastModified"], etag)

    def read(self, key: str) -> bytes:
        """Return a small object whole."""
        with self._asking(key):
            answer = self.s3.get_object(**self._at(key))
            return bytes(answer["Body"].read())

    def chunks(self, key: str, size_bytes: int) -> Iterator[bytes]:
        """Yield an object's content in pieces; nothing of it is kept."""
        with self._asking(key):
            body = self.s3.get_object(**self._at(key))["Body"]
            with closing(body):
                yield from body.iter_chunks(size_bytes)

    def write(self, key: str, data: bytes, *, only_new: bool = False) -> None:
        """Write a small object; with `only_new` an object that exists is an ObjectChangedError."""
        more = {"IfNoneMatch": "*"} if only_new else {}
        with self._asking(key):
            self.s3.put_object(**self._at(key), Body=data, **more)

    def upload(self, file: Path, key: str) -> None:
        """Upload a file, in parallel parts when it is large."""
        with self._asking(key):
            self.s3.upload_file(
                str(file), self.location.bucket, self.location.key(key), Config=_transfer()
            )

    def download(self, key: str, file: Path) -> None:
        """Download an object, in parallel parts when it is large."""
        with self._asking(key):
            file.parent.mkdir(parents=True, exist_ok=True)
            self.s3.download_file(
                self.location.bucket, self.location.key(key), str(file), Config=_transfer()
            )

    def download_all(self, folder: Path, check: Callable[[str], None] = _anything) -> int:
        """Download every object of the location into a folder; return how many there were.

        Args:
            folder: to download into.
            check: called with each key before anything is fetched; may raise to stop the download.

        Raises:
            UsageError: a key would lie outside the folder.
        """
        entries = [entry for entry in self.entries() if not entry.key.endswith("/")]
        for entry in entries:
            self.location.key(entry.key)
            check(entry.key)
        _each(lambda entry: self.download(entry.key, folder / entry.key), entries)
        return len(entries)

    def upload_all(self, folder: Path) -> int:
        """Upload every file below a folder; return how many there were."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        _each(lambda file: self.upload(file, file.relative_to(folder).as_posix()), files)
        return len(files)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are gone already count as deleted."""
        from infra.stores.errors import StoreDeniedError

        wanted = [{"Key": self.location.key(key)} for key in keys]
        for at in range(0, len(wanted), KEYS_PER_DELETE):
            with self._asking():
                answer = self.s3.delete_objects(
                    Bucket=self.location.bucket,
                    Delete={"Objects": wanted[at : at + KEYS_PER_DELETE], "Quiet": True},
                )
            for refused in answer.get("Errors", []):
                raise StoreDeniedError(
                    f"s3://{self.location.bucket}/{refused['Key']}: expected a deletion, found "
                    f"{refused.get('Message')} ({refused.get('Code')})",
                    hint="object lock or a policy may keep the object; look at the bucket",
                )

    def check(self) -> None:
        """Prove that the platform can list, write, read and delete here."""
        mark = secrets.token_bytes(8)
        for _ in self.entries(PROBE_KEY):
            break
        self.write(PROBE_KEY, mark)
        # Another process may check at the same time and have written its own mark.
        self.read(PROBE_KEY)
        with self._asking(PROBE_KEY):
            self.s3.delete_object(**self._at(PROBE_KEY))

    def _folder(self) -> str:
        return f"{self.location.prefix}/" if self.location.prefix else ""

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.location.bucket, "Key": self.location.key(key)}

    @contextmanager
    def _asking(self, key: str = "") -> Generator[None]:
        where = f"{self.location}/{key}" if key else str(self.location)
        with translated(where):
            yield


@contextmanager
def translated(where: str) -> Generator[None]:
    """Translate botocore's errors into the platform's, while the block runs."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    from infra.stores.errors import translate

    try:
        yield
    except (ClientError, BotoCoreError) as err:
        raise translate(err, where) from err
    except Boto3Error as err:
        # upload_file wraps what botocore raised; its cause is in its context.
        inner = err.__cause__ or err.__context__
        if isinstance(inner, ClientError | BotoCoreError):
            raise translate(inner, where) from err
        raise
    except OSError as err:
        local = storage_error(err, where)
        raise local or err from err


def _transfer() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(max_concurrency=THREADS)


def _each(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(THREADS, thread_name_prefix="s3") as pool:
        for _ in pool.map(work, items):
            pass
