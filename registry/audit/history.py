"""Reads events for what they tell of versions, requests, verdicts, roles and tokens.

The events are those of the database, or the entries of a log that was proven before: then nothing
that was inserted by SQL later tells anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from registry.adapters import tables
from registry.audit.merkle.domain.entry import read_entry
from registry.audit.merkle.verification import proven_entries

DECIDED = ("granted", "refused", "cancelled")
_TYPES = {
    *(f"transition_request.{what}" for what in ("created", *DECIDED)),
    "access.changed",
    "approval.given",
    "approval.rejected",
    "constitution.changed",
    "endpoint.created",
    "evidence.changed",
    "model.renamed",
    "model_version.adopted",
    "model_version.alias_changed",
    "model_version.created",
    "model_version.deleted",
    "model_version.transitioned_stage",
    "rollout.started",
    "scorecard.attached",
    "scorecard.recorded",
    "service_token.created",
    "service_token.revoked",
}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event, as far as it is compared with tables."""

    type: str
    name: str
    version: int | None
    request_id: int | None
    actor: str
    data: Mapping[str, Any] = field(hash=False)


@dataclass(slots=True)
class History:
    """What events tell, by what each is about.

    Attributes:
        requests: ids, by what happened to them.
        votes: request, actor, and whether it is an approval.
        uids: of versions that were registered or adopted.
        adopted: name and number of versions that plain MLflow had registered.
        stages: last stage of each version.
        aliases: number that each alias, in lower case, points at; None where it was removed.
        attached: what was announced of each verdict, by the id of its request.
        recorded: the same of verdicts that nobody requested, by their own id.
        roles: digests of documents that were put in force, in their order.
        in_force: digest of the constitution and of the evidence.
        tokens: what each service token was made for; its data.
        revoked: ids of service tokens.
    """

    requests: dict[str, set[object]] = field(default_factory=dict)
    votes: set[tuple[object, str, bool]] = field(default_factory=set)
    uids: set[object] = field(default_factory=set)
    adopted: set[tuple[str, object]] = field(default_factory=set)
    rollouts: set[object] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=set)
    deleted: set[tuple[str, object, object]] = field(default_factory=set)
    renamed: set[object] = field(default_factory=set)
    stages: dict[tuple[str, object], object] = field(default_factory=dict)
    aliases: dict[tuple[str, str], object] = field(default_factory=dict)
    attached: dict[object, list[Mapping[str, Any]]] = field(default_factory=dict)
    recorded: dict[object, list[Mapping[str, Any]]] = field(default_factory=dict)
    roles: list[object] = field(default_factory=list)
    in_force: dict[str, object] = field(default_factory=dict)
    tokens: dict[object, Mapping[str, Any]] = field(default_factory=dict)
    revoked: set[object] = field(default_factory=set)

    @classmethod
    def of(cls, events: Iterable[Occurrence]) -> History:
        """Return what events tell, given in the order in which they happened."""
        told = cls()
        for event in events:
            told._hear(event)
        return told

    def _hear(self, event: Occurrence) -> None:
        name, version, data = event.name, event.version, event.data
        match event.type.split("."):
            case ["transition_request", what]:
                self.requests.setdefault(what, set()).add(event.request_id)
            case ["approval", what]:
                self.votes.add((event.request_id, event.actor, what == "given"))
            case ["scorecard", "attached"]:
                self.attached.setdefault(event.request_id, []).append(data)
            case ["scorecard", "recorded"]:
                self.recorded.setdefault(data.get("scorecard_id"), []).append(data)
            case ["model_version", what]:
                self._hear_of_version(what, name, version, data)
            case ["model", "renamed"]:
                self.renamed |= {name, *data.values()}
            case ["endpoint", _]:
                self.endpoints.add(name)
            case ["rollout", _]:
                self.rollouts.add(data.get("rollout_id"))
            case ["access", _]:
                self.roles.append(data.get("digest"))
            case ["constitution" | "evidence" as document, _]:
                self.in_force[document] = data.get("digest")
            case ["service_token", "created"]:
                self.tokens[data.get("token")] = {**data, "name": name}
            case ["service_token", "revoked"]:
                self.revoked.add(data.get("token"))

    def _hear_of_version(
        self, what: str, name: str, version: int | None, data: Mapping[str, Any]
    ) -> None:
        match what:
            case "created" | "adopted":
                self.uids.add(data.get("uid"))
                self.stages[name, version] = data.get("stage")
                if what == "adopted":
                    self.adopted.add((name, version))
            case "transitioned_stage":
                self.stages[name, version] = data.get("to_stage")
            case "alias_changed":
                self.aliases[name, str(data.get("alias")).lower()] = data.get("to_version")
            case "deleted":
                self.deleted.add((name, version, data.get("semver")))


def of_database(connection: Connection) -> Iterator[Occurrence]:
    """Yield the events of the database that tell something, in their order."""
    e = tables.event.c
    columns = (e.type, e.name, e.version, e.request_id, e.actor, e.data)
    query = select(*columns).where(e.type.in_(sorted(_TYPES))).order_by(e.id)
    for row in connection.execute(query):
        yield Occurrence(*row)


def of_log(folder: Path, size: int) -> Iterator[Occurrence]:
    """Yield the events of a log that tell something, in their order.

    Args:
        folder: of a log that was verified.
        size: of the checkpoint that counts.
    """
    for entry in proven_entries(folder, size):
        found = read_entry(entry)
        # Data without a canonical form is a text that the platform's own events never have.
        if found.get("type") in _TYPES and isinstance(found.get("data"), dict):
            yield Occurrence(
                found["type"],
                found["name"],
                found["version"],
                found["request_id"],
                found["actor"],
                found["data"],
            )
