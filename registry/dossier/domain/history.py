"""Folds the events of a model into what was known of it at a moment: pure, from events alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from registry.domain.values import Stage, Standing
from registry.dossier.domain.json_values import integer, text
from registry.dossier.domain.logged_event import LoggedEvent
from registry.dossier.domain.selection import RENAMED, Span
from registry.dossier.errors import NothingThenError

_REGISTERED = frozenset({"model_version.created", "model_version.adopted"})
_STANDINGS = {
    "model_version.deprecated": Standing.DEPRECATED.value,
    "model_version.yanked": Standing.YANKED.value,
    "model_version.restored": Standing.ACTIVE.value,
}
_OUTCOMES = {"rollout.promoted": "promoted", "rollout.rolled_back": "rolled back"}


@dataclass(slots=True)
class Version:
    """A version as it was.

    Attributes:
        registered: the event that says so; its data name the version for ever.
        standing_by: the event by which it has its standing; None if it always had it.
        signed: the event of its signed statement.
        unusable, held: the events of a quarantine and of a legal hold that last.
        deleted: the event that says so; None for one that is there.
    """

    uid: str
    number: int
    semver: str
    registered: LoggedEvent
    stage: str
    standing: str = Standing.ACTIVE.value
    standing_by: LoggedEvent | None = None
    signed: LoggedEvent | None = None
    unusable: LoggedEvent | None = None
    held: LoggedEvent | None = None
    deleted: LoggedEvent | None = None


@dataclass(slots=True)
class Request:
    """A request with everything that was said about it, in order.

    Attributes:
        version_uid: the version that it is about; empty where the trail does not say.
    """

    id: int
    version_uid: str
    created: LoggedEvent | None = None
    ballots: list[LoggedEvent] = field(default_factory=list)
    verdicts: list[LoggedEvent] = field(default_factory=list)
    others: list[LoggedEvent] = field(default_factory=list)
    closed: LoggedEvent | None = None


@dataclass(slots=True)
class Rollout:
    """A rollout with its events, in order.

    Attributes:
        version_uid: the candidate's.
        weight_percent: of the traffic, as last ordered.
    """

    id: int
    version_uid: str
    started: LoggedEvent
    events: list[LoggedEvent] = field(default_factory=list)
    weight_percent: int = 0
    outcome: str = ""


@dataclass(slots=True)
class History:
    """A model at a moment.

    Attributes:
        versions: every version that was ever registered, deleted ones too, oldest first.
        aliases: governed ones that point somewhere, by their names.
        endpoint: the event that made or last changed it; None if there is none.
        stable: the version that the endpoint promoted last.
    """

    versions: list[Version] = field(default_factory=list)
    aliases: dict[str, Version] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    rollouts: dict[int, Rollout] = field(default_factory=dict)
    endpoint: LoggedEvent | None = None
    stable: Version | None = None
    _live: dict[int, Version] = field(default_factory=dict)

    @classmethod
    def of(cls, spans: Sequence[Span], events: Iterable[LoggedEvent]) -> History:
        """Fold events in the order of the log.

        Args:
            spans: names that the model bore.
            events: those that are about it, and those about the whole platform.
        """
        found, own_renames = cls(), {span.since for span in spans}
        for event in events:
            if event.type != RENAMED:
                found._apply(event)
            elif event.sequence not in own_renames:
                # Another model that bore the name left with its versions.
                found._live.clear()
                found.aliases.clear()
        return found

    def there(self) -> Sequence[Version]:
        """Return the versions that were there, oldest first."""
        return list(self._live.values())

    def by_uid(self, uid: object) -> Version | None:
        """Return a version by its identity."""
        return next((version for version in self.versions if version.uid == uid), None)

    def aliases_of(self, version: Version) -> list[str]:
        """Return the governed aliases that pointed at a version."""
        return sorted(alias for alias, held_by in self.aliases.items() if held_by is version)

    def under_way(self) -> Rollout | None:
        """Return the rollout that had not ended."""
        return next((one for one in self.rollouts.values() if not one.outcome), None)

    def find(self, name: str, asked: str) -> Version:
        """Return the version that an alias, a number, a semantic version or a stage named.

        Raises:
            NothingThenError: none did.
        """
        found = next(self._named(asked), None)
        if found is not None:
            return found
        known = ", ".join(version.semver for version in self.there()[-5:]) or "no version"
        raise NothingThenError(
            f"expected {name}@{asked} in the audit trail at that time, found {known}",
            hint="name it by 1.2.0, a number, champion, challenger or a stage; "
            "acgs audit log says what happened when",
        )

    def _named(self, asked: str) -> Iterator[Version]:
        alias = asked.removeprefix("@").lower()
        if alias in self.aliases:
            yield self.aliases[alias]
        stage = Stage.parse(asked)
        for version in reversed(self.there()):
            if asked in {version.semver, str(version.number)}:
                yield version
            if stage is not None and stage is not Stage.NONE and version.stage == stage.value:
                yield version

    def _apply(self, event: LoggedEvent) -> None:
        kind = event.type.partition(".")[0]
        if event.type in _REGISTERED:
            self._register(event)
        elif kind == "model_version":
            self._change_version(event)
        elif kind == "artifact":
            self._keep_files(event)
        elif kind in {"transition_request", "approval", "scorecard"}:
            self._request(event)
        elif kind == "endpoint":
            self.endpoint = event
        elif kind == "rollout":
            self._roll_out(event)

    def _register(self, event: LoggedEvent) -> None:
        if event.version is None:
            return
        made = Version(
            uid=text(event.data.get("uid")),
            number=event.version,
            semver=text(event.data.get("semver")),
            registered=event,
            stage=text(event.data.get("stage")) or Stage.NONE.value,
        )
        self.versions.append(made)
        self._live[made.number] = made

    def _about(self, event: LoggedEvent) -> Version | None:
        return None if event.version is None else self._live.get(event.version)

    def _change_version(self, event: LoggedEvent) -> None:
        version = self._about(event)
        if event.type == "model_version.alias_changed":
            self._point(event)
        elif version is None:
            return
        elif event.type == "model_version.transitioned_stage":
            version.stage = text(event.data.get("to_stage"))
        elif event.type in _STANDINGS:
            version.standing, version.standing_by = _STANDINGS[event.type], event
        elif event.type == "model_version.deleted":
            version.deleted = event
            del self._live[version.number]
            for alias in self.aliases_of(version):
                del self.aliases[alias]

    def _point(self, event: LoggedEvent) -> None:
        alias = text(event.data.get("alias")).lower()
        number = integer(event.data.get("to_version"))
        version = None if number is None else self._live.get(number)
        self.aliases.pop(alias, None)
        if version is not None:
            self.aliases[alias] = version

    def _keep_files(self, event: LoggedEvent) -> None:
        version = self._about(event)
        if version is None:
            return
        match event.type:
            case "artifact.signed":
                version.signed = event
            case "artifact.quarantined" | "artifact.freed":
                version.unusable = event
            case "artifact.released":
                version.unusable = None
            case "artifact.held":
                version.held = event
            case "artifact.hold_released":
                version.held = None

    def _request(self, event: LoggedEvent) -> None:
        if event.request_id is None:
            return
        version = self._about(event)
        known = self.requests.setdefault(
            event.request_id, Request(event.request_id, version.uid if version else "")
        )
        match event.type:
            case "transition_request.created":
                known.created = event
            case "approval.given" | "approval.rejected":
                known.ballots.append(event)
            case "scorecard.attached":
                known.verdicts.append(event)
            case (
                "transition_request.granted"
                | "transition_request.refused"
                | "transition_request.cancelled"
            ):
                known.closed = event
            case _:
                known.others.append(event)

    def _roll_out(self, event: LoggedEvent) -> None:
        number, version = integer(event.data.get("rollout_id")), self._about(event)
        if number is None:
            return
        if event.type == "rollout.started":
            uid = version.uid if version else ""
            self.rollouts[number] = Rollout(number, uid, event)
        rollout = self.rollouts.get(number)
        if rollout is None:
            return
        rollout.events.append(event)
        weight = integer(event.data.get("weight_percent"))
        if weight is not None:
            rollout.weight_percent = weight
        if event.type in _OUTCOMES:
            rollout.outcome = _OUTCOMES[event.type]
            if event.type == "rollout.promoted":
                self.stable = self.by_uid(rollout.version_uid)
