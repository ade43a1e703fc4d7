"""Reads and writes Ed25519 keys as PEM. The library is loaded at the first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


def new_private_pem() -> str:
    """Return a new private key as PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return private_pem(Ed25519PrivateKey.generate())


def private_pem(key: Ed25519PrivateKey) -> str:
    """Return a private key as PEM, unencrypted: its file has mode 0600."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: Ed25519PublicKey) -> str:
    """Return a public key as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_private(pem: str) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        ValueError: it is no Ed25519 key in PEM; the message says what was expected and found.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except ValueError as err:
        raise ValueError(f"expected a private key in PEM, found {err}") from err
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("expected an Ed25519 key, found another kind")
    return key


def read_public(pem: bytes) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        ValueError: it is no Ed25519 key in PEM; the message says what was expected and found.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except ValueError as err:
        raise ValueError(f"expected a public key in PEM, found {err}") from err
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("expected an Ed25519 key, found another kind")
    return key
