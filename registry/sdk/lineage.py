"""Represents a version's lineage: where it comes from and what was made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.sdk import html
from registry.sdk.values import Listing


@dataclass(frozen=True, slots=True)
class Node:
    """A run, dataset, commit, version, verdict, rollout or endpoint.

    Attributes:
        id: `<kind>:<key>`, unique in the graph.
        facts: what is known of it, by name.
    """

    id: str
    kind: str
    label: str
    facts: Mapping[str, str] = field(hash=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


@dataclass(frozen=True, slots=True)
class Edge:
    """One step from a cause to an effect; the ends are ids of nodes."""

    cause: str
    effect: str
    relation: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The graph around one version.

    Attributes:
        start: id of the version's node.
        completeness: share of what should be known that is, in [0, 1].
        missing: what is not known, with how to add it.
        picture: the graph as an SVG document.
    """

    title: str
    start: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    completeness: float
    missing: Mapping[str, str] = field(hash=False)
    picture: str = field(repr=False)

    @classmethod
    def of(cls, view: Mapping[str, Any], picture: str) -> Lineage:
        """Read the server's JSON."""
        return cls(
            title=f"Lineage of {view['name']} {view['semver']}",
            start=view["start"],
            nodes=tuple(Node(n["id"], n["kind"], n["label"], n["facts"]) for n in view["nodes"]),
            edges=tuple(Edge(e["cause"], e["effect"], e["relation"]) for e in view["edges"]),
            completeness=view["completeness"]["share"],
            missing={p["name"]: p["fix"] for p in view["completeness"]["parts"] if p["fix"]},
            picture=picture,
        )

    def of_kind(self, kind: str) -> tuple[Node, ...]:
        """Return the nodes of one kind, e.g. `dataset` or `endpoint`."""
        return tuple(node for node in self.nodes if node.kind == kind)

    def __repr__(self) -> str:
        labels = {node.id: str(node) for node in self.nodes}
        lines = [f"{self.title}: {self.completeness:.0%} complete"]
        lines += [f"  {labels[e.cause]} {e.relation} {labels[e.effect]}" for e in self.edges]
        lines += [f"  missing {name}: {fix}" for name, fix in self.missing.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        missing = html.facts(f"{self.title}: {self.completeness:.0%} complete", self.missing)
        return f"{missing}{self.picture}"


@dataclass(frozen=True, slots=True)
class Serving:
    """A share of a place that a version held from one moment to another.

    Attributes:
        place: `endpoint`, `stage` or `alias`; `slot` says which stage or alias.
        share_percent: of the traffic; 100 for a stage or an alias.
        until: None while it still holds it.
    """

    place: str
    slot: str
    model: str
    semver: str
    number: int
    share_percent: int
    since: datetime
    until: datetime | None

    def __str__(self) -> str:
        share = f" {self.share_percent} %" if self.place == "endpoint" else f" {self.slot}"
        return f"{self.model} {self.semver} (version {self.number}) {self.place}{share}"


def served_of(view: Mapping[str, Any]) -> Listing[Serving]:
    """Return what served at a moment: traffic first, then stages and aliases."""
    views: Sequence[Mapping[str, Any]] = [*view["traffic"], *view["held"]]
    found = tuple(
        Serving(
            v["place"],
            v["slot"],
            v["model"],
            v["semver"],
            v["version"],
            v["share_percent"],
            datetime.fromisoformat(v["from"]),
            datetime.fromisoformat(v["to"]) if v["to"] else None,
        )
        for v in views
    )
    rows = tuple(
        (s.semver, s.place, s.slot or f"{s.share_percent} %", s.since, s.until or "until now")
        for s in found
    )
    header = ("version", "place", "share", "since", "until")
    return Listing(f"What {view['name']} was at {view['at']}", found, header, rows)
