"""Says who is asking, as far as that is known without authentication.

A name from HTTP basic auth is a claim, not a proof, until the server checks passwords; the
audit trail keeps it with the address it came from.
"""

from __future__ import annotations

from infra.console.actor import os_user


def current_actor() -> str:
    """Return `user@address` inside an HTTP request, else `user@in-process`."""
    from flask import has_request_context, request

    if not has_request_context():
        return f"{os_user()}@in-process"
    claimed = request.authorization.username if request.authorization else None
    return f"{claimed or 'anonymous'}@{request.remote_addr or 'unknown'}"
