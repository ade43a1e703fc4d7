"""Keeps the files of the storage root to the user who runs the platform.

The process's umask does it for what is made from now on, by libraries and child processes too
(SQLite's journals, MLflow's artifacts, Envoy, model servers); `repair` does it for what an older
release or a copy has left.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

UMASK = 0o077

_logger = logging.getLogger(__name__)


def make_files_private() -> None:
    """Set the umask so that this process and its children create files for their owner alone."""
    os.umask(UMASK)


def too_open(root: Path) -> Iterator[Path]:
    """Yield each path of the storage root that other users can read, write, enter or run."""
    for folder, _folders, files in os.walk(root):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            mode = _mode(path)
            if mode is not None and mode & UMASK:
                yield path


def repair(root: Path) -> int:
    """Remove other users' rights from the storage root; return how many paths had some.

    What belongs to somebody else, or lies on a disk that is read-only, is left and logged. A home
    folder that serves as a storage root is left too, for not everything in it is the platform's.
    """
    if Path.home().is_relative_to(root):
        _logger.warning("%s holds a home folder: the modes of its files were not changed", root)
        return 0
    changed = 0
    for path in too_open(root):
        mode = _mode(path)
        try:
            if mode is not None:
                path.chmod(mode & ~UMASK)
                changed += 1
        except FileNotFoundError:
            continue
        except OSError as err:
            _logger.warning("cannot make %s private: %s", path, err.strerror)
    return changed


def _mode(path: Path) -> int | None:
    """Return a file's permissions; None if it is missing or a link, whose target is elsewhere."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return None if stat.S_ISLNK(found.st_mode) else stat.S_IMODE(found.st_mode)
