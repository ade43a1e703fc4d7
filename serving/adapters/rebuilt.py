"""Copies of model folders that are written from what was understood of the author's files.

What a model server loads is then never the author's bytes, where that is possible:
docs/reference/model-files.md says for which models. Where it is not, the server loads them as they
are, confined like any other.
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from infra.process import write_json
from registry.adapters.artifact_error import ArtifactError
from registry.adapters.artifact_files import build_manifest

MOST_BYTES = 64_000_000
"""Of a model's folder. A larger one would keep the deployer from its other work for seconds."""
REBUILDER = "registry.model_files.rebuilding"
"""The module that imports scikit-learn, which takes seconds."""
_WRITERS = ("acgs-mlops", "scikit-learn", "numpy", "scipy")

log = logging.getLogger(__name__)


def rebuilt(folder: Path) -> Path:
    """Return the rebuilt copy of a proven model folder, or the folder where there can be none.

    The copy is made once and proven at each call. It lies beside the folder.

    Raises:
        OSError: the copy cannot be written.
    """
    copy = folder.with_name(f"{folder.name}.rebuilt")
    record = folder.with_name(f"{folder.name}.rebuilt.json")
    known = _read(record)
    if known.get("by") == _writers():
        if known.get("digest") is None:
            return folder
        if _digest(copy) == known["digest"]:
            return copy
    shutil.rmtree(copy, ignore_errors=True)
    refused = _write(folder, copy)
    if refused:
        shutil.rmtree(copy, ignore_errors=True)
        log.info("%s is served as its author wrote it: %s", folder.name, refused)
    write_json(record, {"by": _writers(), "digest": None if refused else _digest(copy)})
    return folder if refused else copy


def _write(folder: Path, copy: Path) -> str:
    """Rebuild; return why that was refused, or nothing."""
    if sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) > MOST_BYTES:
        return f"it is larger than {MOST_BYTES} bytes"
    # Only here, and ahead of time by the role: see REBUILDER.
    from registry.model_files.errors import FileRefusedError
    from registry.model_files.rebuilding import rebuild

    try:
        rebuild(folder, copy)
    except FileRefusedError as err:
        return err.message
    except FileNotFoundError as err:
        return f"a file is missing: {Path(str(err.filename)).name}"
    return ""


def _digest(folder: Path) -> str | None:
    with suppress(ArtifactError, OSError):
        return build_manifest(folder).digest
    return None


def _read(record: Path) -> dict[str, object]:
    with suppress(OSError, ValueError):
        found = json.loads(record.read_text())
        return found if isinstance(found, dict) else {}
    return {}


@cache
def _writers() -> dict[str, str]:
    """Versions of what reads and writes: another version may understand more, or write better."""
    return {name: version(name) for name in _WRITERS}
