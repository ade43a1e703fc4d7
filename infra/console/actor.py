"""Names who runs a command, for the audit trail."""

from __future__ import annotations

from infra.identity.current import Caller
from infra.identity.os_user import os_user
from infra.identity.principal import Principal


def cli_caller() -> Caller:
    """Return who runs a command, by a claim: whoever has the shell can set `LOGNAME`."""
    return Caller(Principal(os_user()), "cli")


def cli_actor() -> str:
    """Return the command line's actor as the audit trail names them: `alice@cli`."""
    return cli_caller().actor
