"""Model folders for the model servers: copies of registered files, proven on the way.

What Seldon's storage initializer does on a cluster. The copy has a folder per manifest digest, so
versions that share their files share it, and a server that starts again needs no registry.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from infra.errors import UnavailableError
from infra.settings import Settings
from registry.adapters.artifact_files import build_manifest
from serving.domain.seldon import ServedVersion


class ModelFolderError(UnavailableError):
    """A model's files are not what was registered."""

    code = "serving.model_files"
    retriable = False


class Files(Protocol):
    """Where registered files come from."""

    def model_files(self, uid: str) -> Path:
        """Return a folder with the proven files."""

    def release_files(self, folder: Path) -> None:
        """Give it back."""


class ModelFolders:
    """Folders `<storage root>/serving/models/<digest>`."""

    def __init__(self, settings: Settings, files: Files) -> None:
        self._root = settings.folder("serving") / "models"
        self._root.mkdir(mode=0o700, exist_ok=True)
        self._files = files

    def place(self, version: ServedVersion) -> Path:
        """Return where a version's copy is, or will be."""
        return self._root / (version.digest or f"uid-{version.uid}").replace(":", "-")

    def materialise(self, version: ServedVersion) -> Path:
        """Return a folder with the version's files, their digest checked just now.

        Raises:
            PlatformError: the registry cannot hand out the files, or they are not those
                registered.
        """
        place = self.place(version)
        if place.is_dir():
            if not version.digest or build_manifest(place).digest == version.digest:
                return place
            shutil.rmtree(place)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self._root))
        try:
            source = self._files.model_files(version.uid)
            try:
                shutil.copytree(source, draft, dirs_exist_ok=True)
            finally:
                self._files.release_files(source)
            found = build_manifest(draft).digest
            if version.digest and found != version.digest:
                raise ModelFolderError(
                    f"{version.name} {version.semver}: expected files with digest "
                    f"{version.digest}, found {found} after copying",
                    hint="something changes files under the storage root; stop it",
                )
            draft.replace(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return place

    def examples(self, version: ServedVersion) -> Sequence[bytes]:
        """Return the model's own input example as Seldon request bodies; empty if it has none."""
        file = self.place(version) / "serving_input_example.json"
        try:
            document = cast("dict[str, object]", json.loads(file.read_text()))
        except (OSError, ValueError):
            return ()
        split = document.get("dataframe_split")
        if isinstance(split, dict):
            data = {"names": split.get("columns", []), "ndarray": split.get("data", [])}
        elif "inputs" in document:
            data = {"ndarray": document["inputs"]}
        else:
            return ()
        return (json.dumps({"data": data}).encode(),)
