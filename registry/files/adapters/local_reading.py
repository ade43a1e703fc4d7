"""Decides what an unreadable local folder or file proves, and what it does not.

A file counts as missing only if its folder can be read. A file without read permission, or a disk
that is not mounted, proves nothing about what is stored there.
"""

from __future__ import annotations

import errno
from pathlib import Path

from infra.errors import NoAccessError, PlatformError
from registry.errors import RESTORE, ArtifactError, NestingError

_SEEN = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}
"""Errors that prove a file missing: its folder could be read."""


def unread(error: OSError, what: str) -> PlatformError:
    """Return the error for a file that could not be read: damage, or nothing known about it."""
    if error.errno == errno.ENAMETOOLONG:
        return NestingError(f"expected names and paths that the system takes, found {what[:200]}")
    if error.errno in _SEEN:
        return ArtifactError(f"cannot read {what}: {error.strerror}", hint=RESTORE)
    return NoAccessError(
        f"cannot read {what}: {error.strerror or error}",
        hint="give the platform's user read access, and check the disk",
    )


def require_folder(folder: Path, root: Path | None) -> None:
    """Refuse a folder that does not exist.

    Args:
        folder: with files.
        root: where the store begins, if it is one of this machine.

    Raises:
        ArtifactError: it is missing.
        NoAccessError: that is unknown: the root is not mounted, or denies access.
    """
    try:
        if folder.is_dir():
            return
        if root is not None and folder.is_relative_to(root):
            top, gone = root, not root.is_dir() or not any(root.iterdir())
        else:
            top = next(parent for parent in folder.parents if parent.is_dir())
            # An empty folder may be the mount point of a disk that is not mounted.
            gone = not any(top.iterdir())
    except OSError as err:
        if err.errno == errno.ENAMETOOLONG:
            # No folder can have this name, so the folder does not exist.
            raise ArtifactError(
                f"expected the model's files in a folder, found a name of {len(str(folder))} "
                "characters",
                hint=RESTORE,
            ) from err
        raise unread(err, str(folder)) from err
    if gone:
        raise NoAccessError(
            f"cannot read {folder}: expected files in {top}, found none at all",
            hint=f"mount its disk; if the files are lost for good: mkdir -p {folder}, "
            "then acgs artifact repair",
        )
    raise ArtifactError(
        f"expected the model's files in {folder}, found no such folder", hint=RESTORE
    )
