"""Fetches a version's files, and lists and hashes them.

Nothing here interprets a model: files are hashed and `MLmodel` is parsed as plain YAML.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from infra.errors import NotFoundError, UsageError
from infra.settings import Settings
from infra.stores.object_store import ObjectStore, is_s3
from registry.errors import RESTORE, ArtifactError, NestingError
from registry.files.adapters import hashing, locations
from registry.files.adapters.local_reading import require_folder, unread
from registry.files.domain.manifest import MAX_FOLDERS, Manifest, is_shallow
from registry.model_files import plain_yaml

MLMODEL = "MLmodel"
_RESOLVED = frozenset({"dbfs", "models", "runs"})
"""MLflow asks its tracking server about such places; without one it makes a database of its own in
the working folder."""
LONGEST_NAME_BYTES = 255
"""Of a file or folder, on the file systems of Linux."""


def fetch(settings: Settings, uri: str) -> Path:
    """Return a local folder with the files behind a URI.

    Remote files are downloaded into a fresh folder under `<storage root>/downloads`, which the
    caller removes (see `is_download`).

    Raises:
        ArtifactError: the files are missing.
        NoAccessError: the store denies access.
        UnavailableError: the object store does not answer; trying again may help.
    """
    folder = locations.local_folder(settings, uri)
    if folder is not None:
        require_folder(folder, locations.local_root(settings))
        return folder
    return _download(settings, uri)


def is_download(settings: Settings, folder: Path) -> bool:
    """Return whether `fetch` made this folder."""
    return folder.is_relative_to(settings.storage_root / "downloads")


def discard(settings: Settings, folder: Path) -> None:
    """Remove a folder if `fetch` made it."""
    if is_download(settings, folder):
        root = settings.storage_root / "downloads"
        shutil.rmtree(root / folder.relative_to(root).parts[0], ignore_errors=True)


def _download(settings: Settings, uri: str) -> Path:
    uri = locations.behind_proxy(settings, uri)
    target = tempfile.mkdtemp(dir=settings.folder("downloads"))
    try:
        if is_s3(uri):
            return _download_s3(settings, uri, Path(target))
        return _download_by_mlflow(uri, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _download_by_mlflow(uri: str, target: str) -> Path:
    from mlflow import is_tracking_uri_set
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if uri.partition(":")[0].lower() in _RESOLVED and not is_tracking_uri_set():
        raise ArtifactError(
            f"cannot read the model's files at {uri}: expected a tracking server that knows where "
            "they are, found none in MLFLOW_TRACKING_URI"
        )
    try:
        return Path(get_artifact_repository(uri).download_artifacts("", dst_path=target))
    # One class for each scheme, each with a library of its own: they raise any exception.
    except Exception as err:
        raise ArtifactError(f"cannot read the model's files at {uri}: {err}") from err


def _download_s3(settings: Settings, uri: str, target: Path) -> Path:
    try:
        found = ObjectStore.of(settings, uri).download_all(target, require_shallow)
    except OSError as err:
        raise unread(err, err.filename or f"the model's files at {uri}") from err
    except (NotFoundError, UsageError) as err:
        raise ArtifactError(
            f"cannot read the model's files at {uri}: {err.message}", hint=err.hint or RESTORE
        ) from err
    if not found:
        raise ArtifactError(f"expected the model's files at {uri}, found none", hint=RESTORE)
    return target


def build_manifest(folder: Path, pace: hashing.Pace | None = None) -> Manifest:
    """Hash every file below a folder; none is left out.

    Args:
        folder: of the artifact.
        pace: called with the number of bytes read.

    Raises:
        NestingError: a folder lies in more than `MAX_FOLDERS` others.
        ArtifactError: a symlink or special file lies there, a file went while it was read, or a
            name is none that every system can write.
        NoAccessError: a file may not be read.
    """
    try:
        jobs = [
            (status.st_size, partial(hashing.hash_file, folder / name, name, pace))
            for name, status in _plain_files(folder)
        ]
        manifest = Manifest.of(hashing.hash_all(jobs))
    except OSError as err:
        raise unread(err, err.filename or f"the model's files in {folder}") from err
    except ValueError as err:
        raise ArtifactError(
            f"{folder}: {err}", hint="log the model again under other file names"
        ) from err
    if not jobs:
        raise ArtifactError(
            f"expected the model's files in {folder}, found an empty folder", hint=RESTORE
        )
    return manifest


def require_plain_folder(folder: Path) -> None:
    """Refuse a folder that nests too deep or holds anything but plain files; reads none of them.

    Raises:
        NestingError: a folder lies in more than `MAX_FOLDERS` others.
        ArtifactError: a symlink or special file lies there.
        NoAccessError: a folder may not be read.
    """
    try:
        for _file in _plain_files(folder):
            pass
    except OSError as err:
        raise unread(err, err.filename or f"the model's files in {folder}") from err


def require_shallow(path: str) -> None:
    """Refuse a file or folder that is nested too deep.

    Raises:
        NestingError: it does.
    """
    if not is_shallow(path):
        raise NestingError(
            f"expected files in up to {MAX_FOLDERS} folders inside of each other, "
            f"found more: {path[:60]!r}…"
        )


def require_short_names(path: str) -> None:
    """Refuse a file whose name, or that of a folder around it, no disk takes.

    Raises:
        NestingError: it is so.
    """
    for part in path.split("/"):
        if len(part.encode("utf-8", "surrogatepass")) > LONGEST_NAME_BYTES:
            raise NestingError(
                f"expected names of up to {LONGEST_NAME_BYTES} bytes, found {part[:60]!r}…"
            )


def _plain_files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the name and status of each file below a folder.

    Raises:
        ArtifactError: a link, device, pipe or socket lies there.
        NestingError: a folder lies in too many others.
    """
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as items:
            for item in items:
                name = below + item.name
                if item.is_dir(follow_symlinks=False):
                    require_shallow(f"{name}/")
                    waiting.append(f"{name}/")
                elif item.is_file(follow_symlinks=False):
                    yield name, item.stat(follow_symlinks=False)
                else:
                    raise ArtifactError(
                        f"expected plain files, found a link or device: {name!r}",
                        hint="log the file itself, not a link to it",
                    )


def read_mlmodel(folder: Path) -> dict[str, Any] | None:
    """Parse a model folder's `MLmodel` as plain YAML; None when there is no such file.

    Raises:
        ArtifactError: it is not a YAML mapping.
        NestingError: it is larger or deeper than any that MLflow writes.
    """
    path = folder / MLMODEL
    if not path.is_file():
        return None
    try:
        # One byte more than may be there: a file of any size is read in no time.
        with path.open("rb") as file:
            data = file.read(plain_yaml.MAX_BYTES + 1)
    except OSError as err:
        raise unread(err, MLMODEL) from err
    return parsed_mlmodel(data)


def parsed_mlmodel(data: bytes) -> dict[str, Any]:
    """Parse the content of an `MLmodel`, as far as a byte beyond `plain_yaml.MAX_BYTES`.

    Raises:
        ArtifactError, NestingError: as `read_mlmodel`.
    """
    try:
        value = plain_yaml.read(data, MLMODEL)
    except (yaml.YAMLError, ValueError) as err:
        raise ArtifactError(f"{MLMODEL}: expected YAML, found {str(err)[:500]}") from err
    if not isinstance(value, dict):
        raise ArtifactError(f"{MLMODEL}: expected a mapping, found {type(value).__name__}")
    return value
