"""The input example that was logged with a model, read as JSON: nothing of it is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.domain import plain_json
from registry.files.domain.inference import ExampleUnreadableError, JsonKind, columns_of

MAX_BYTES = 16 << 20


def read_columns(folder: Path, mlmodel: Mapping[str, Any]) -> dict[str, JsonKind] | None:
    """Return the columns of a model's input example; None when it has no example.

    Args:
        folder: the model's own, already proven to hold no links.
        mlmodel: its parsed `MLmodel`.

    Raises:
        ExampleUnreadableError: there is one, but its columns cannot be told.
        TooDeepError: it is nested deeper than any table.
    """
    info = mlmodel.get("saved_input_example_info")
    if not isinstance(info, Mapping):
        return None
    if info.get("type") != "dataframe":
        raise ExampleUnreadableError(f"it is no table, but of type {str(info.get('type'))[:40]}")
    path = folder / str(info.get("artifact_path"))
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise ExampleUnreadableError("its file does not lie in the model's folder")
    if path.stat().st_size > MAX_BYTES:
        raise ExampleUnreadableError(f"it is larger than {MAX_BYTES} bytes")
    try:
        example = plain_json.read(path.read_bytes(), path.name)
    except plain_json.TooDeepError:
        raise
    except (OSError, ValueError) as err:
        raise ExampleUnreadableError(f"it is no JSON: {err}") from err
    return columns_of(example)
