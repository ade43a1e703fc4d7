"""Holds the documents that events name by their digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.domain import canonical
from registry.dossier.domain.json_values import NOT_RECORDED, mapping, recorded
from registry.dossier.domain.logged_event import LoggedEvent
from registry.dossier.errors import NotProvenError


@dataclass(frozen=True, slots=True)
class Documents:
    """JSON documents by `sha256:<hex>` of their canonical bytes."""

    by_digest: Mapping[str, object] = field(hash=False)

    @classmethod
    def read(cls, texts: Mapping[str, object], events: list[LoggedEvent]) -> Documents:
        """Read documents that are given as texts, and those that stand in events.

        Raises:
            NotProvenError: one is not what its digest says.
        """
        found: dict[str, object] = {}
        for digest, given in texts.items():
            written = given.encode() if isinstance(given, str) else b""
            if f"sha256:{hashlib.sha256(written).hexdigest()}" != digest:
                raise NotProvenError(f"expected a document with the digest {digest}, found another")
            found[digest] = json.loads(written)
        for event in events:
            document = event.data.get("document")
            if document is not None:
                digest = canonical.digest(document)
                if digest != event.data.get("digest"):
                    raise NotProvenError(
                        f"event {event.sequence} of the log: expected a document with the digest "
                        f"{event.data.get('digest')}, found {digest}"
                    )
                found[digest] = document
        return cls(found)

    def of(self, digest: object) -> Mapping[str, object]:
        """Return a document that is a JSON object; an empty one where there is none."""
        return mapping(self.by_digest.get(str(digest)))

    def whole(self, digest: object) -> object:
        """Return a document, or that it is not recorded."""
        return recorded(self.by_digest.get(str(digest), NOT_RECORDED))
