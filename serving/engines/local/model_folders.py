"""Copies registered files into model folders for the model servers, and proves them.

What Seldon's storage initializer does on a cluster. The copy has a folder per manifest digest, so
versions that share their files share it, and a server that starts again needs no registry.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from infra.errors import UnavailableError, storage_error
from infra.settings import Settings
from registry.domain import plain_json
from registry.errors import ArtifactError
from registry.files.adapters.artifact_files import build_manifest, require_plain_folder
from serving.domain.seldon import ServedVersion

MAX_EXAMPLE_BYTES = 1 << 20
"""MLflow keeps some five rows. Larger examples are not used for smoke predictions."""


class ModelFolderError(UnavailableError):
    """A model's files are not what was registered."""

    code = "serving.model_files"
    retriable = False


class Files(Protocol):
    """Source of registered files."""

    def model_files(self, uid: str) -> Path:
        """Return a folder with the proven files."""

    def release_files(self, folder: Path) -> None:
        """Release a folder that `model_files` returned."""


class ModelFolders:
    """Folders `<storage root>/serving/models/<digest>`."""

    def __init__(self, settings: Settings, files: Files) -> None:
        self._root = settings.folder("serving") / "models"
        self._root.mkdir(mode=0o700, exist_ok=True)
        self._files = files

    def place(self, version: ServedVersion) -> Path:
        """Return the folder of a version's copy, present or not."""
        return self._root / (version.digest or f"uid-{version.uid}").replace(":", "-")

    def materialise(self, version: ServedVersion) -> Path:
        """Return a folder with the version's files, whose digest was just checked.

        Raises:
            PlatformError: the registry cannot hand out the files, they are not those
                registered, or they cannot be copied to this machine.
        """
        place = self.place(version)
        try:
            if place.is_dir():
                if _holds(place, version.digest):
                    return place
                shutil.rmtree(place)
            return self._copied(version, place)
        except OSError as err:
            # `shutil.Error` says in its one argument what became of each file.
            raise storage_error(err, place) or ModelFolderError(
                f"cannot copy the files of {version.name} {version.semver}: {str(err)[:500]}",
                hint="check that the storage root can hold files of such names and sizes",
            ) from err

    def _copied(self, version: ServedVersion, place: Path) -> Path:
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self._root))
        try:
            source = self._files.model_files(version.uid)
            try:
                # `copytree` recurses, and no copy of a folder is deeper than the folder.
                require_plain_folder(source)
                shutil.copytree(source, draft, dirs_exist_ok=True)
            finally:
                self._files.release_files(source)
            found = build_manifest(draft).digest
            if version.digest and found != version.digest:
                raise ModelFolderError(
                    f"{version.name} {version.semver}: expected files with digest "
                    f"{version.digest}, found {found} after copying",
                    hint="find and stop what changes files under the storage root",
                )
            draft.replace(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return place

    def examples(self, version: ServedVersion) -> Sequence[bytes]:
        """Return the model's own input example as Seldon request bodies; empty if it has none."""
        file = self.place(version) / "serving_input_example.json"
        try:
            if file.stat().st_size > MAX_EXAMPLE_BYTES:
                return ()
            document = plain_json.read(file.read_bytes(), file.name)
        except (OSError, ValueError):
            return ()
        if not isinstance(document, dict):
            return ()
        split = document.get("dataframe_split")
        if isinstance(split, dict):
            data = {"names": split.get("columns", []), "ndarray": split.get("data", [])}
        elif "inputs" in document:
            data = {"ndarray": document["inputs"]}
        else:
            return ()
        return (json.dumps({"data": data}).encode(),)


def _holds(place: Path, digest: str) -> bool:
    """Whether an earlier copy is still what was registered; True if no digest is known."""
    if not digest:
        return True
    try:
        return build_manifest(place).digest == digest
    except ArtifactError:
        return False
