"""Writes and reads a service token: `acgs_ID_SECRET`.

The prefix lets scanners of repositories find tokens that were published. The secret has 256 random
bits, so a plain hash of it is enough: nobody guesses it, however fast.
"""

from __future__ import annotations

import hashlib
import re
import secrets

PREFIX = "acgs_"
_FORM = re.compile(r"acgs_([0-9a-f]{16})_([0-9A-Za-z_-]{43})")


def new_token() -> tuple[str, str]:
    """Return the id and the whole text of a new token."""
    token_id = secrets.token_hex(8)
    return token_id, f"{PREFIX}{token_id}_{secrets.token_urlsafe(32)}"


def token_id(text: str) -> str | None:
    """Return the id in a token; None if the text is none."""
    found = _FORM.fullmatch(text)
    return found[1] if found else None


def digest(text: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode()).hexdigest()
