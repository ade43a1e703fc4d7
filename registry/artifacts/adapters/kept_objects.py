"""Finds the objects that kept versions need, however their locations are spelled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from registry.artifacts.domain.retention import FolderClaim
from registry.files.adapters import manifests
from registry.files.adapters.real_places import object_key
from registry.files.domain.storage_place import ancestors

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A version whose files are kept: its identity, manifest and real location."""

    uid: str
    manifest_digest: str
    place: str


@dataclass(slots=True)
class KeptObjects:
    """Finds the objects of kept versions; reads each version's manifest once.

    A version's place and manifest never change, so what was read stays true.
    """

    _of: dict[str, frozenset[str]] = field(default_factory=dict)

    def needed(
        self,
        connection: Connection,
        keys: Iterable[str],
        kept: Iterable[Kept],
        claims: Iterable[FolderClaim],
    ) -> set[str]:
        """Return the objects that a kept version names, or that lie in a claimed folder."""
        kept = list(kept)
        self._read(connection, [one for one in kept if one.uid not in self._of])
        named = frozenset().union(*(self._of[one.uid] for one in kept))
        claimed = {claim.place for claim in claims}
        return {key for key in keys if key in named or not claimed.isdisjoint(ancestors(key))}

    def _read(self, connection: Connection, new: list[Kept]) -> None:
        for start in range(0, len(new), _BATCH):
            page = new[start : start + _BATCH]
            found = manifests.find_all(connection, {one.manifest_digest for one in page})
            for one in page:
                files = found[one.manifest_digest].files
                self._of[one.uid] = frozenset(object_key(one.place, file.path) for file in files)
