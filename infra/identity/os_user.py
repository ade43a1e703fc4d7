"""Finds out who runs this process."""

from __future__ import annotations

import getpass
import os


def os_user() -> str:
    """Return the operating system's user name; `uid:1000` where a user has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return f"uid:{os.getuid()}"
