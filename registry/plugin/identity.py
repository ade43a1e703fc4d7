"""Names who is asking, as the audit trail does."""

from __future__ import annotations

from infra.identity.current import current_caller
from infra.identity.os_user import os_user


def current_actor() -> str:
    """Return `user@address` inside a request, else `user@in-process`."""
    caller = current_caller()
    return caller.actor if caller else f"{os_user()}@in-process"
