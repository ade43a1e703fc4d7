"""Defines what the client returns: frozen values, readable in a terminal and in Jupyter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, overload

from registry.domain.reasons import Reason, causes
from registry.domain.values import shown_score
from registry.sdk import html
from registry.sdk.people import Comment, Seat, Vote

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What compliance concluded about a version.

    Attributes:
        target: stage whose bar was asked for.
        score: weighted mean over principles, in [0, 1].
        reasons: failed rules; empty when nothing failed.
        report_run_id: MLflow run with the whole report, if there is one.
    """

    target: str
    score: float
    passed: bool
    enforcement: str
    reasons: tuple[Reason, ...]
    report_run_id: str | None
    created_at: datetime

    def __str__(self) -> str:
        outcome = "passed" if self.passed else "failed"
        return f"{outcome} for {self.target}, score {shown_score(self.score)}"

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Verdict:
        """Read the server's JSON."""
        return cls(
            view["target"],
            view["score"],
            view["passed"],
            view["enforcement"],
            reasons_of(view["reasons"]),
            view["report_run_id"],
            datetime.fromisoformat(view["created_at"]),
        )


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version, where it stands, and its newest verdict.

    Attributes:
        number: MLflow's own version number, from 1.
        stage: None once it was deleted.
        bump: what changed since the version before, and `reason` says why.
        manifest_digest: digest over every file; None when the files could not be read.
        standing: `active`, `deprecated` or `yanked`, and `standing_reason` says why.
        unusable: `quarantined` or `freed` when its files must not be used, and
            `unusable_reason` says why; else None.
    """

    name: str
    semver: str
    number: int
    stage: str | None
    aliases: tuple[str, ...]
    bump: str
    reason: str
    manifest_digest: str | None
    source: str
    run_id: str | None
    git_commit: str | None
    dataset_digest: str | None
    created_at: datetime
    verdict: Verdict | None
    standing: str = "active"
    standing_reason: str | None = None
    unusable: str | None = None
    unusable_reason: str | None = None

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Version:
        """Read the server's JSON."""
        return cls(
            name=view["name"],
            semver=view["semver"],
            number=view["version"],
            stage=view["stage"],
            aliases=tuple(view["aliases"]),
            bump=view["bump"],
            reason=view["reason"],
            manifest_digest=view["manifest_digest"],
            source=view["source"],
            run_id=view["run_id"],
            git_commit=view["git_commit"],
            dataset_digest=view["dataset_digest"],
            created_at=datetime.fromisoformat(view["created_at"]),
            verdict=Verdict.of(view["verdict"]) if view["verdict"] else None,
            standing=view["standing"],
            standing_reason=view["standing_reason"],
            unusable=view["unusable"],
            unusable_reason=view["unusable_reason"],
        )

    def __str__(self) -> str:
        return f"{self.name} {self.semver} (version {self.number})"

    def __repr__(self) -> str:
        return f"<Version {self} in {self.place}: {self.verdict or 'no verdict'}>"

    @property
    def place(self) -> str:
        """Stage and aliases, e.g. `Production @champion`."""
        shown = [self.stage or "deleted", *(f"@{alias}" for alias in self.aliases)]
        shown += [] if self.standing == "active" else [f"({self.standing})"]
        return " ".join(shown if self.unusable is None else [*shown, f"({self.unusable})"])

    def _repr_html_(self) -> str:
        return html.facts(str(self), self.facts())

    def facts(self) -> Mapping[str, object]:
        """Return what to show, in order."""
        return {
            "stage": self.place,
            self.standing: self.standing_reason,
            self.unusable or "unusable": self.unusable_reason,
            "verdict": self.verdict or "none yet",
            "change": f"{self.bump}: {self.reason}",
            "run": self.run_id,
            "commit": self.git_commit,
            "dataset": self.dataset_digest,
            "files": self.manifest_digest,
            "registered": self.created_at,
        }


@dataclass(frozen=True, slots=True)
class Request:
    """A request to move, copy or rename a version, and its outcome.

    Attributes:
        shown: digest of what there is to approve; None where it is decided.
        seats, votes, comments: what people are needed for and said; in a request that was asked
            for by its number, else empty.
    """

    id: int
    kind: str
    name: str
    semver: str
    target: str
    state: str
    actor: str
    reasons: tuple[Reason, ...]
    waiting_for: str
    created_at: datetime
    decided_at: datetime | None
    shown: str | None = None
    seats: tuple[Seat, ...] = ()
    votes: tuple[Vote, ...] = ()
    comments: tuple[Comment, ...] = ()

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Request:
        """Read the server's JSON."""
        decision = view["decision"]
        decided = view["decided_at"]
        return cls(
            view["id"],
            view["kind"],
            view["name"],
            view["semver"],
            view["target"],
            view["state"],
            view["actor"],
            reasons_of(decision.get("reasons", ())),
            decision.get("waiting_for") or "" if view["state"] == "open" else "",
            datetime.fromisoformat(view["created_at"]),
            datetime.fromisoformat(decided) if decided else None,
            view.get("shown", {}).get("digest"),
            tuple(map(Seat.of, view.get("seats", ()))),
            tuple(map(Vote.of, view.get("votes", ()))),
            tuple(map(Comment.of, view.get("comments", ()))),
        )

    def __str__(self) -> str:
        waiting = f", waiting for {self.waiting_for}" if self.waiting_for else ""
        return f"request {self.id} to {self.target} by {self.actor}: {self.state}{waiting}"

    def _repr_html_(self) -> str:
        shown = html.facts(
            f"Request {self.id}: {self.kind} of {self.name} {self.semver} to {self.target}",
            {
                "state": self.state,
                "waiting for": self.waiting_for,
                "asked by": self.actor,
                "asked at": self.created_at,
                "decided at": self.decided_at,
            },
        )
        if self.seats:
            rows = [(seat.role, seat.by, ", ".join(seat.could)) for seat in self.seats]
            shown += html.table("Approvals", ("role", "by", "who could"), rows)
        if self.votes or self.comments:
            said = [(vote.at, str(vote), vote.comment) for vote in self.votes]
            said += [(one.at, one.actor, one.text) for one in self.comments]
            shown += html.table("What people said", ("when", "who", "comment"), sorted(said))
        return shown + (reasons_html("Why", self.reasons) if self.reasons else "")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a version stands where it does.

    Attributes:
        requests: about this version, newest first.
        held_by: what keeps it from being deleted; empty when nothing does.
    """

    version: Version
    requests: tuple[Request, ...]
    held_by: tuple[Reason, ...]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What stands between the version and the place last requested."""
        newest = self.requests[0] if self.requests else None
        if newest is not None and newest.state in {"refused", "open"}:
            return newest.reasons
        return ()

    def __str__(self) -> str:
        lines = [f"{self.version} is in {self.version.place}"]
        lines += [f"  verdict: {self.version.verdict or 'none yet'}"]
        lines += [f"  {request}" for request in self.requests[:5]]
        lines += [f"  {n}) {cause}" for n, cause in enumerate(causes(self.reasons), start=1)]
        lines += [f"  held: {reason.found}" for reason in self.held_by]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        shown = html.facts(f"{self.version}: why it is where it is", self.version.facts())
        if self.reasons:
            shown += reasons_html("What stands in the way", self.reasons)
        if self.requests:
            rows = [(r.id, r.target, r.state, r.actor, r.decided_at) for r in self.requests[:10]]
            shown += html.table("Requests", ("request", "to", "state", "asked by", "decided"), rows)
        return shown


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the audit trail: who did what, and when."""

    id: int
    type: str
    version: int | None
    actor: str
    at: datetime
    request_id: int | None
    data: Mapping[str, Any] = field(hash=False)

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Change:
        """Read the server's JSON."""
        return cls(
            view["id"],
            view["type"],
            view["version"],
            view["actor"],
            datetime.fromisoformat(view["at"]),
            view["request_id"],
            view["data"],
        )

    def __str__(self) -> str:
        number = f" version {self.version}" if self.version is not None else ""
        return f"{self.at:%Y-%m-%d %H:%M:%S}Z {self.type}{number} by {self.actor}"


@dataclass(frozen=True, slots=True, repr=False)
class Listing(Sequence[T], Generic[T]):
    """An immutable sequence that shows itself as a table.

    Attributes:
        title: what it lists.
        header: names of the columns.
        rows: one tuple of cells for each item.
    """

    title: str
    items: tuple[T, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __repr__(self) -> str:
        lines = [f"{self.title}: {len(self.items)}"]
        return "\n".join(lines + [f"  {item}" for item in self.items])

    def _repr_html_(self) -> str:
        return html.table(self.title, self.header, self.rows)


def versions_of(name: str, views: Sequence[Mapping[str, Any]]) -> Listing[Version]:
    """Return a model's versions, newest first."""
    found = tuple(Version.of(view) for view in views)
    rows = tuple(
        (
            v.semver,
            v.number,
            v.place,
            v.verdict or "none yet",
            v.created_at,
        )
        for v in found
    )
    header = ("version", "number", "stage", "verdict", "registered")
    return Listing(f"Versions of {name}", found, header, rows)


def history_of(name: str, views: Sequence[Mapping[str, Any]]) -> Listing[Change]:
    """Return what happened to a model, oldest first."""
    found = tuple(Change.of(view) for view in views)
    rows = tuple((c.at, c.type, c.version, c.actor, c.request_id) for c in found)
    header = ("when", "what", "version", "by", "request")
    return Listing(f"History of {name}", found, header, rows)


def reasons_of(views: Sequence[Mapping[str, str]]) -> tuple[Reason, ...]:
    """Read failed rules."""
    return tuple(Reason(v["rule"], v["expected"], v["found"], v["fix"]) for v in views)


def reasons_html(title: str, reasons: Sequence[Reason]) -> str:
    """Return failed rules as a table."""
    rows = [(", ".join(c.rules), c.expected, c.found, c.fix) for c in causes(reasons)]
    return html.table(title, ("rules", "expected", "found", "what to do"), rows)
