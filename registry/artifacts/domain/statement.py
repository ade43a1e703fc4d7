"""Defines what is signed about a version: an in-toto statement in a DSSE envelope.

Sources: in-toto Attestation Framework v1 (Statement), DSSE v1.0 (envelope, PAE).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.domain.canonical import canonical_bytes
from registry.files.domain.manifest import FileEntry, Manifest

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:acgs:predicate:model-version:v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


class MalformedStatementError(ValueError):
    """An envelope or statement is not in the form that its specification requires."""


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """What a statement says of a version besides its files; None where nothing is known."""

    uid: str
    name: str
    version: int
    semver: str
    registered_ms: int
    source: str
    run_id: str | None = None
    git_commit: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed statement.

    Attributes:
        payload: the statement's bytes, exactly as they were signed.
        key_id: SHA-256 (hex) of the signer's public key, SubjectPublicKeyInfo in DER.
        signature: Ed25519, 64 bytes, over `pae(payload)`.
    """

    payload: bytes
    key_id: str
    signature: bytes

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the statement that is signed."""
        return "sha256:" + hashlib.sha256(self.payload).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return the envelope in the form that DSSE defines."""
        return {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(self.payload).decode(),
            "signatures": [
                {"keyid": self.key_id, "sig": base64.b64encode(self.signature).decode()}
            ],
        }

    @classmethod
    def read(cls, document: object) -> Envelope:
        """Read a DSSE envelope with one signature.

        Raises:
            MalformedStatementError: it is none.
        """
        try:
            values = _mapping(document)
            if values["payloadType"] != PAYLOAD_TYPE:
                raise MalformedStatementError(
                    f"expected payload type {PAYLOAD_TYPE}, found {values['payloadType']!r}"
                )
            (only,) = values["signatures"]
            return cls(
                base64.b64decode(values["payload"], validate=True),
                str(only["keyid"]),
                base64.b64decode(only["sig"], validate=True),
            )
        except (KeyError, TypeError, ValueError, binascii.Error) as err:
            if isinstance(err, MalformedStatementError):
                raise
            raise MalformedStatementError(
                f"expected a DSSE envelope with one signature, found {type(err).__name__}: {err}"
            ) from err


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the bytes to sign: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def statement(facts: StatementFacts, manifest: Manifest) -> bytes:
    """Return the statement about a version, in its one canonical form."""
    predicate = {
        "version_uid": facts.uid,
        "name": facts.name,
        "version": facts.version,
        "semver": facts.semver,
        "registered_ms": facts.registered_ms,
        "source": facts.source,
        "run_id": facts.run_id,
        "git_commit": facts.git_commit,
        "dataset_digest": facts.dataset_digest,
        "manifest_digest": manifest.digest,
    }
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
            "subject": [
                {
                    "name": file.path,
                    "digest": {"sha256": file.sha256},
                    "annotations": {"size_bytes": file.size_bytes},
                }
                for file in manifest.files
            ],
        }
    )


def read_statement(payload: bytes) -> tuple[Mapping[str, Any], Manifest]:
    """Return a statement's predicate and the files it is about.

    Raises:
        MalformedStatementError: it is not one that the platform writes, or contradicts itself.
    """
    try:
        value = _mapping(json.loads(payload))
        kinds = (value["_type"], value["predicateType"])
        if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise MalformedStatementError(
                f"expected {STATEMENT_TYPE} with {PREDICATE_TYPE}, found {kinds}"
            )
        manifest = Manifest.of(
            FileEntry(
                str(item["name"]),
                int(item["annotations"]["size_bytes"]),
                str(item["digest"]["sha256"]),
            )
            for item in value["subject"]
        )
        predicate = _mapping(value["predicate"])
        claimed = predicate["manifest_digest"]
    except (KeyError, TypeError, ValueError) as err:
        if isinstance(err, MalformedStatementError):
            raise
        raise MalformedStatementError(
            f"expected an in-toto statement, found {type(err).__name__}: {err}"
        ) from err
    if manifest.digest != claimed:
        raise MalformedStatementError(
            f"expected files with digest {claimed}, found {manifest.digest} in the same statement"
        )
    return predicate, manifest


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedStatementError(f"expected a JSON object, found {type(value).__name__}")
    return value
