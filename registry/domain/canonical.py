"""Gives each JSON value one byte form and a digest.

Source: RFC 8785 (JSON Canonicalization Scheme).
"""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical_bytes(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises:
        ValueError: the value holds NaN, an infinity, an integer beyond 2**53 or a non-JSON type.
    """
    try:
        return bytes(rfc8785.dumps(value))
    except rfc8785.CanonicalizationError as err:
        raise ValueError(f"expected a JSON value, found {err}") from err


def digest(value: Any) -> str:
    """Return `sha256:<64 hex>` of the canonical bytes of a JSON value."""
    return bytes_digest(canonical_bytes(value))


def bytes_digest(content: bytes) -> str:
    """Return `sha256:<64 hex>` of bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
