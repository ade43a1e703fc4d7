"""Rewrites a model's file from its values, so that the author's bytes are not loaded."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from registry.model_files.errors import FileRefusedError
from registry.model_files.rebuilding import rebuild

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def rewritten(folder: Path) -> Iterator[Path]:
    """Yield a copy of a model folder with a rewritten model file, for the time of the load.

    `docs/reference/model-files.md` says for which classes that is possible. Yields `folder` itself
    for any other model, and for one whose copy takes more memory or scratch space than the server
    has. Such a model is served only where the constitution lets it pass.
    """
    with tempfile.TemporaryDirectory(prefix="rewritten-") as scratch:
        try:
            copy = rebuild(folder, Path(scratch) / "model").folder
        except (FileRefusedError, OSError, MemoryError) as err:
            why = str(err) or type(err).__name__
            logger.warning("loading the author's own model file: %s", why)
            copy = folder
        yield copy
