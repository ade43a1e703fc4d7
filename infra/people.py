"""Who runs this process."""

from __future__ import annotations

import getpass


def os_user() -> str:
    """Return the operating system's user name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
