"""Keeps the keys that sign checkpoints: the log's own, and a witness's.

The private key is a secret file (0600). Its public key lies in `<root>/keys`, as one line for
auditors. The name in that line comes from the first key, and stays when the key is rotated.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from infra import durable, ed25519
from infra.secrets import secret_file
from registry.audit.merkle.domain.note import KeyKind, SigningKey, VerifierKey
from registry.audit.merkle.errors import LogBrokenError, MalformedError

if TYPE_CHECKING:
    from infra.settings import Settings

PUBLIC_FOLDER = "keys"
_FILES = {KeyKind.LOG: "audit-log", KeyKind.WITNESS: "audit-witness"}
_NAMES = {KeyKind.LOG: "acgs.audit", KeyKind.WITNESS: "acgs.witness"}


def own_key(settings: Settings, kind: KeyKind) -> SigningKey:
    """Return this installation's key of a kind, made at the first use.

    Raises:
        LogBrokenError: the files of the two halves do not belong to each other.
    """
    secret = f"{_FILES[kind]}.pem"
    text = secret_file(settings, secret, ed25519.new_private_pem)
    try:
        private = ed25519.read_private(text)
    except ValueError as err:
        raise LogBrokenError(
            f"secret {secret}: {err}", hint="restore the file from a backup of the storage root"
        ) from err
    raw = private.public_key().public_bytes_raw()
    file = public_file(settings, kind)
    if not file.exists():
        name = f"{_NAMES[kind]}/{hashlib.sha256(raw).hexdigest()[:12]}"
        durable.replace(file, f"{VerifierKey(name, kind, raw)}\n".encode(), mode=0o644)
    known = VerifierKey.parse(file.read_text())
    if (known.public, known.kind) != (raw, kind):
        raise LogBrokenError(
            f"expected {file} to be the public key of secrets/{secret}, found another key",
            hint="restore both from the same backup of the storage root",
        )
    return SigningKey(known, private)


def read_keys(given: str) -> list[VerifierKey]:
    """Return public keys that are given as files or as their lines, separated by commas.

    Raises:
        MalformedError: one is neither.
    """
    return [read_key(one.strip()) for one in given.split(",") if one.strip()]


def read_key(given: str) -> VerifierKey:
    """Return a public key that is given as a file or as its line.

    Raises:
        MalformedError: it is neither.
    """
    file = Path(given).expanduser()
    try:
        text = file.read_text() if file.is_file() else given
    except (OSError, UnicodeDecodeError) as err:
        raise MalformedError(f"{given}: expected a file with a public key, found {err}") from err
    return VerifierKey.parse(text)


def public_file(settings: Settings, kind: KeyKind) -> Path:
    """Return the file that has, or will have, the public key of a kind."""
    return settings.folder(PUBLIC_FOLDER) / f"{_FILES[kind]}.vkey"
