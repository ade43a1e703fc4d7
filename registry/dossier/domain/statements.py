"""Checks signed statements about versions' files, by what the log's events say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from infra import ed25519
from registry.artifacts.domain.statement import (
    Envelope,
    MalformedStatementError,
    pae,
    read_statement,
)
from registry.domain.canonical import canonical_bytes
from registry.dossier.domain.history import History
from registry.dossier.domain.json_values import text
from registry.dossier.errors import NotProvenError


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement about a version's files whose signature was checked.

    Attributes:
        digest: of what was signed.
        key_id: SHA-256 (hex) of the key that signed.
        manifest_digest: of the files that it is about.
    """

    digest: str
    key_id: str
    manifest_digest: str


def read_statements(
    given: Mapping[str, object], keys: Mapping[str, object], history: History
) -> dict[str, Stated]:
    """Check statements, and that events of the log name them.

    Args:
        given: DSSE envelopes by the uid of their versions.
        keys: public keys as PEM, by their ids.
        history: of the model, from proven events.

    Raises:
        NotProvenError: a statement was changed, is not signed, or is another than its event says.
    """
    return {uid: _checked(uid, document, keys, history) for uid, document in given.items()}


def _checked(uid: str, document: object, keys: Mapping[str, object], history: History) -> Stated:
    where = f"the statement about version {uid}"
    version = history.by_uid(uid)
    if version is None or version.signed is None:
        raise NotProvenError(f"expected an event that {where} was signed, found none")
    try:
        envelope = Envelope.read(document)
        if canonical_bytes(envelope.document()) != canonical_bytes(document):
            raise MalformedStatementError("expected one spelling of an envelope, found another")
        predicate, manifest = read_statement(envelope.payload)
    except ValueError as err:
        raise NotProvenError(f"{where}: {err}") from err
    said, found = version.signed.data, Stated(envelope.digest, envelope.key_id, manifest.digest)
    _require_signature(envelope, keys, where)
    for what, expected, there in (
        ("digest", said.get("statement_digest"), found.digest),
        ("key", said.get("key_id"), found.key_id),
        ("files", version.registered.data.get("manifest_digest"), found.manifest_digest),
        ("version", uid, predicate.get("version_uid")),
    ):
        if expected != there:
            raise NotProvenError(
                f"{where}: expected the {what} {expected} of event {version.signed.sequence}, "
                f"found {there}"
            )
    return found


def _require_signature(envelope: Envelope, keys: Mapping[str, object], where: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = ed25519.read_public(text(keys.get(envelope.key_id)).encode())
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if hashlib.sha256(der).hexdigest() != envelope.key_id:
            raise ValueError(f"expected the key {envelope.key_id}, found another")
        key.verify(envelope.signature, pae(envelope.payload))
    except (ValueError, InvalidSignature) as err:
        raise NotProvenError(f"{where}: expected a signature that matches, found none") from err
