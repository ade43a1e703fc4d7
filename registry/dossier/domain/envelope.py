"""Signs a dossier with the audit log's key, and checks such a signature.

Source: DSSE v1.0. A checkpoint that the same key signs begins with the log's name, and what DSSE
signs with `DSSEv1`: neither can be passed off as the other.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from registry.artifacts.domain.statement import pae
from registry.audit.merkle.domain.note import KeyKind, SigningKey, VerifierKey
from registry.domain.canonical import canonical_bytes
from registry.dossier.domain.json_values import mapping, read_canonical, text
from registry.dossier.errors import NotProvenError

PAYLOAD_TYPE = "application/vnd.acgs.dossier+json"


def key_id(key: VerifierKey) -> str:
    """Return how an envelope names a key: its name and id, as in the key's line."""
    return f"{key.name}+{key.id.hex()}"


def sign(payload: bytes, key: SigningKey) -> bytes:
    """Return the envelope of a dossier, in canonical JSON."""
    return _written(payload, key_id(key.public), key.private.sign(pae(payload, PAYLOAD_TYPE)))


def open_envelope(written: bytes, keys: Sequence[VerifierKey]) -> tuple[bytes, VerifierKey]:
    """Return what an envelope holds, once its signature is checked, and the key that signed.

    Args:
        written: the envelope, byte for byte as `sign` writes it.
        keys: of audit logs, that the caller trusts.

    Raises:
        NotProvenError: none of the keys signed it, or it was changed since.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    envelope = read_canonical(written, "a signed dossier")
    payload, named, signature = _parts(envelope)
    if _written(payload, named, signature) != written:
        raise _changed("an envelope with one payload and one signature, found another")
    trusted = {key_id(key): key for key in keys if key.kind is KeyKind.LOG}
    key = trusted.get(named)
    if key is None:
        raise NotProvenError(
            f"expected a signature by {', '.join(trusted) or 'a key of an audit log'}, found one "
            f"by {named[:120]}",
            hint="give the public key of the platform that made the dossier: "
            "acgs audit public-key prints it there",
        )
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, pae(payload, PAYLOAD_TYPE))
    except InvalidSignature:
        raise _changed(f"a signature by {named} that matches, found one that does not") from None
    return payload, key


def _parts(envelope: dict[str, object]) -> tuple[bytes, str, bytes]:
    signatures = envelope.get("signatures")
    only = mapping(signatures[0]) if isinstance(signatures, list) and len(signatures) == 1 else {}
    try:
        return (
            base64.b64decode(text(envelope.get("payload")), validate=True),
            text(only.get("keyid")),
            base64.b64decode(text(only.get("sig")), validate=True),
        )
    except ValueError:
        raise _changed("payload and signature in base64, found something else") from None


def _written(payload: bytes, named: str, signature: bytes) -> bytes:
    return canonical_bytes(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": named, "sig": base64.b64encode(signature).decode()}],
        }
    )


def _changed(expected: str) -> NotProvenError:
    return NotProvenError(
        f"expected {expected}", hint="the file was changed; get it again from where it was made"
    )
