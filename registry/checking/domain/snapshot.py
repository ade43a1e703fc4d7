"""Holds everything written about one model's versions, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from registry.domain.values import Standing


@dataclass(frozen=True, slots=True)
class Record:
    """The platform's record of a version."""

    uid: str
    number: int
    created_ms: int
    semver: str
    parts: tuple[int, int, int, str | None]
    standing: Standing
    deleted: bool


@dataclass(frozen=True, slots=True)
class Row:
    """MLflow's row of a version that is not deleted."""

    number: int
    created_ms: int
    stage: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows and records of one model, read in one transaction.

    Attributes:
        stages: stage by uid, as the platform granted it; none means `None`.
        aliases: number by alias in lower case, as MLflow has it.
        granted_aliases: uid by governed alias, as the platform granted it.
        held_by_deleted: uids of deleted versions that still hold a place.
        in_rollout: uids of an unfinished rollout.
        stable_uid: what the model's endpoint serves.
    """

    name: str
    records: Sequence[Record]
    rows: Mapping[int, Row] = field(hash=False)
    stages: Mapping[str, str] = field(hash=False)
    aliases: Mapping[str, int] = field(hash=False)
    granted_aliases: Mapping[str, str] = field(hash=False)
    held_by_deleted: frozenset[str] = frozenset()
    in_rollout: frozenset[str] = frozenset()
    stable_uid: str | None = None

    @property
    def live(self) -> Mapping[int, Record]:
        """Records of live versions by number."""
        return {record.number: record for record in self.records if not record.deleted}
