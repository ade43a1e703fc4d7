"""Identifies one server start, so a readiness check is never answered by the previous server."""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from registry.settings import RegistrySettings

if TYPE_CHECKING:
    from infra.settings import Settings


@cache
def nonce() -> str:
    """Return this process's nonce."""
    return secrets.token_hex(8)


def announce(settings: Settings) -> None:
    """Write this process's nonce to where the supervisor finds it."""
    path = _path(settings)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(nonce(), "utf-8")
    temporary.replace(path)


def announced(settings: Settings) -> str | None:
    """Return the nonce of the server that started last; None if none did."""
    try:
        return _path(settings).read_text("utf-8")
    except OSError:
        return None


def _path(settings: Settings) -> Path:
    # By port: several servers may share a storage root.
    return settings.folder("run") / f"registry-{settings.of(RegistrySettings).port}.boot"
