"""What a folder or file of this machine that cannot be read proves, and what it does not.

Only what is seen to be missing is missing. A file that we may not open, or a disk that is not
mounted, says nothing of what lies there.
"""

from __future__ import annotations

import errno
from pathlib import Path

from infra.errors import NoAccessError, PlatformError
from registry.errors import RESTORE, ArtifactError, NestingError

_SEEN = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}
"""The way there was open, and what was expected is not there."""


def unread(error: OSError, what: str) -> PlatformError:
    """Tell why a file could not be read: damage, or nothing that is known of it."""
    if error.errno == errno.ENAMETOOLONG:
        return NestingError(f"expected names and paths that the system takes, found {what[:200]}")
    if error.errno in _SEEN:
        return ArtifactError(f"cannot read {what}: {error.strerror}", hint=RESTORE)
    return NoAccessError(
        f"cannot look at {what}: {error.strerror or error}",
        hint="let the platform's user read it, and see that its disk works",
    )


def require_folder(folder: Path, root: Path | None) -> None:
    """Refuse a folder that is not there.

    Args:
        folder: with files.
        root: where the store begins, if it is one of this machine.

    Raises:
        ArtifactError: it is missing.
        NoAccessError: that cannot be seen: the root is not mounted, or closed to us.
    """
    try:
        if folder.is_dir():
            return
        if root is not None and folder.is_relative_to(root):
            top, gone = root, not root.is_dir() or not any(root.iterdir())
        else:
            top = next(parent for parent in folder.parents if parent.is_dir())
            # So looks a place where a disk is to be mounted.
            gone = not any(top.iterdir())
    except OSError as err:
        if err.errno == errno.ENAMETOOLONG:
            # No folder can have this name, so it is not there.
            raise ArtifactError(
                f"expected the model's files in a folder, found a name of {len(str(folder))} "
                "characters",
                hint=RESTORE,
            ) from err
        raise unread(err, str(folder)) from err
    if gone:
        raise NoAccessError(
            f"cannot look at {folder}: expected files in {top}, found none at all",
            hint=f"mount its disk; if the files are gone for good: mkdir -p {folder}, "
            "then acgs artifact repair",
        )
    raise ArtifactError(
        f"expected the model's files in {folder}, found no such folder", hint=RESTORE
    )
