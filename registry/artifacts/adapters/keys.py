"""Keeps the keys that sign statements.

The private key is one secret file (0600). Every public key that ever signed lies beside it in
`<root>/keys`, so that what an older key signed stays valid after a rotation. Who trusts a
statement trusts that folder, or a public key that came by another way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from infra import durable, ed25519
from infra.secrets import FOLDER, secret_file
from registry.artifacts.domain.statement import Envelope, pae
from registry.artifacts.errors import SigningKeyError, StatementInvalidError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

    from infra.settings import Settings

KEY_FILE = "artifact-signing.pem"
PUBLIC_FOLDER = "keys"


class SigningKeys:
    """Reads and makes this installation's keys, when they are first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def sign(self, payload: bytes) -> Envelope:
        """Sign a statement with the current key, made at the first use."""
        private = self._private()
        signature = private.sign(pae(payload))
        return Envelope(payload, self._publish(private.public_key()), signature)

    def current(self) -> str:
        """Return the id of the current key, made if there is none."""
        return self._publish(self._private().public_key())

    def trusted(self) -> Mapping[str, Ed25519PublicKey]:
        """Return every public key of this installation by its id."""
        self.current()
        folder = self._settings.folder(PUBLIC_FOLDER)
        found = {}
        for file in sorted(folder.glob("*.pem")):
            key = read_public(file.read_bytes(), str(file))
            found[key_id(key)] = key
        return found

    def public_pem(self, identity: str) -> str:
        """Return a public key as PEM, for verifying elsewhere."""
        return (self._settings.folder(PUBLIC_FOLDER) / f"{identity}.pem").read_text()

    def rotate(self) -> str:
        """Make a new key for future signatures and return its id; older signatures stay valid."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.current()
        private = Ed25519PrivateKey.generate()
        # Published first: no statement is ever signed by an unknown key.
        identity = self._publish(private.public_key())
        folder = self._settings.folder(FOLDER)
        durable.replace(folder / KEY_FILE, ed25519.private_pem(private).encode())
        return identity

    def _private(self) -> Ed25519PrivateKey:
        text = secret_file(self._settings, KEY_FILE, ed25519.new_private_pem)
        try:
            return ed25519.read_private(text)
        except ValueError as err:
            raise SigningKeyError(
                f"secret {KEY_FILE}: {err}",
                hint="restore the file from a backup of the storage root, or: "
                "acgs artifact rotate-key",
            ) from err

    def _publish(self, key: Ed25519PublicKey) -> str:
        identity = key_id(key)
        file = self._settings.folder(PUBLIC_FOLDER) / f"{identity}.pem"
        if not file.exists():
            durable.replace(file, ed25519.public_pem(key).encode(), mode=0o644)
        return identity


def verify(envelope: Envelope, trusted: Mapping[str, Ed25519PublicKey]) -> None:
    """Check an envelope's signature.

    Raises:
        StatementInvalidError: its key is not trusted, or the signature does not match.
    """
    from cryptography.exceptions import InvalidSignature

    key = trusted.get(envelope.key_id)
    if key is None:
        raise StatementInvalidError(
            f"expected a signature by one of {', '.join(trusted) or 'no key'}, found one by "
            f"{envelope.key_id}",
            hint="give the signer's public key: --public-key FILE",
        )
    try:
        key.verify(envelope.signature, pae(envelope.payload))
    except InvalidSignature:
        raise StatementInvalidError(
            f"expected a signature by {envelope.key_id} that matches the statement, found one "
            "that does not",
            hint="the statement was changed after it was signed; get it from where it was made",
        ) from None


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 (hex) of the key's SubjectPublicKeyInfo."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def read_public(pem: bytes, where: str) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        SigningKeyError: it is no Ed25519 key in PEM.
    """
    try:
        return ed25519.read_public(pem)
    except ValueError as err:
        raise SigningKeyError(f"{where}: {err}") from err
