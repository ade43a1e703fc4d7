"""Reads the input example that was logged with a model, as JSON; executes nothing in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from registry.domain import plain_json
from registry.files.domain.inference import ExampleUnreadableError, JsonKind, columns_of
from registry.files.domain.manifest import FileEntry, Manifest

MAX_BYTES = 16 << 20


Read = Callable[[FileEntry, int], bytes]
"""Reads a file of up to so many bytes, as it was hashed."""


def read_columns(
    manifest: Manifest, mlmodel: Mapping[str, Any], read: Read
) -> dict[str, JsonKind] | None:
    """Return the columns of a model's input example; None when it has no example.

    Args:
        manifest: of the model's files.
        mlmodel: its parsed `MLmodel`.
        read: reads one of them.

    Raises:
        ExampleUnreadableError: there is one, but its columns cannot be identified.
        TooDeepError: it is nested deeper than any table.
        ArtifactError: it changed since the manifest was made.
    """
    info = mlmodel.get("saved_input_example_info")
    if not isinstance(info, Mapping):
        return None
    if info.get("type") != "dataframe":
        raise ExampleUnreadableError(f"it is not a table, but of type {str(info.get('type'))[:40]}")
    entry = manifest.entry(str(info.get("artifact_path")))
    if entry is None:
        raise ExampleUnreadableError("its file does not lie in the model's folder")
    if entry.size_bytes > MAX_BYTES:
        raise ExampleUnreadableError(f"it is larger than {MAX_BYTES} bytes")
    try:
        example = plain_json.read(read(entry, MAX_BYTES), entry.path)
    except plain_json.TooDeepError:
        raise
    except ValueError as err:
        raise ExampleUnreadableError(f"it is not JSON: {err}") from err
    return columns_of(example)
