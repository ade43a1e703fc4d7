"""Finds out who runs this process, and the name for the audit trail."""

from __future__ import annotations

import getpass
import os

from infra.identity.current import Caller
from infra.identity.principal import Principal


def os_user() -> str:
    """Return the operating system's user name; `uid:1000` where a user has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return f"uid:{os.getuid()}"


def cli_caller() -> Caller:
    """Return who runs a command, by a claim: whoever has the shell can set `LOGNAME`."""
    return Caller(Principal(os_user()), "cli")


def cli_actor() -> str:
    """Return the command line's actor as the audit trail names them: `alice@cli`."""
    return cli_caller().actor
