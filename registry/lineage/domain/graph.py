"""Represents the lineage graph: typed nodes, and edges from causes to effects. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a node stands for; in the order of causes."""

    DATASET = "dataset"
    COMMIT = "commit"
    RUN = "run"
    MODEL = "model"
    VERSION = "version"
    REQUEST = "request"
    VERDICT = "verdict"
    APPROVAL = "approval"
    ROLLOUT = "rollout"
    ENDPOINT = "endpoint"


class Relation(StrEnum):
    """How a cause led to an effect."""

    TRAINED = "trained"
    EVALUATED = "evaluated"
    RAN_IN = "ran in"
    STARTED = "started"
    LOGGED = "logged"
    USED_BY = "used by"
    REGISTERED = "registered as"
    COPIED = "copied to"
    PRECEDED = "preceded"
    ASKED = "asked"
    JUDGED = "judged"
    SIGNED = "signed"
    LED_TO = "led to"
    SERVED = "served on"

    @property
    def carries(self) -> bool:
        """Return whether a fault of the cause is in the effect too.

        A version is not trained on what its predecessor was trained on, nor is a model made of
        the data that it was only evaluated on.
        """
        return self not in {Relation.PRECEDED, Relation.EVALUATED}


@dataclass(frozen=True, slots=True, order=True)
class NodeId:
    """A node's identity: its kind, and a key unique within the kind (a version's uid, ...)."""

    kind: Kind
    key: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"

    @classmethod
    def parse(cls, text: str) -> NodeId:
        """Read what `str` wrote.

        Raises:
            ValueError: the kind is unknown.
        """
        kind, _, key = text.partition(":")
        return cls(Kind(kind), key)


@dataclass(frozen=True, slots=True)
class Node:
    """A node with its description for people.

    Attributes:
        label: short name.
        facts: what is known, in the order in which it is shown.
        page: place in MLflow's UI or on the web, relative to MLflow's root; "" if none.
    """

    id: NodeId
    label: str
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)
    page: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One step from a cause to an effect."""

    cause: NodeId
    effect: NodeId
    relation: Relation


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed graph without cycles.

    Attributes:
        nodes: by identity.
        edges: each end is a node; no cycle.
        more: how many neighbours of a node are known, but left out for their number.
    """

    nodes: Mapping[NodeId, Node] = field(default_factory=dict)
    edges: frozenset[Edge] = frozenset()
    more: Mapping[NodeId, int] = field(default_factory=dict)

    def up(self, start: NodeId) -> frozenset[NodeId]:
        """Return every cause of a node, near and far; never the node itself."""
        return self._reach(start, {edge.effect: [] for edge in self.edges}, upwards=True)

    def down(self, start: NodeId) -> frozenset[NodeId]:
        """Return every effect of a node, near and far; never the node itself."""
        return self._reach(start, {edge.cause: [] for edge in self.edges}, upwards=False)

    def affected(self, start: NodeId) -> frozenset[NodeId]:
        """Return what inherits a node's fault: like `down`, along the edges that carry faults."""
        carrying = frozenset(edge for edge in self.edges if edge.relation.carries)
        return Graph(self.nodes, carrying).down(start)

    def _reach(
        self, start: NodeId, next_to: dict[NodeId, list[NodeId]], *, upwards: bool
    ) -> frozenset[NodeId]:
        for edge in self.edges:
            here, there = (edge.effect, edge.cause) if upwards else (edge.cause, edge.effect)
            next_to[here].append(there)
        seen: set[NodeId] = set()
        waiting = deque([start])
        while waiting:
            for there in next_to.get(waiting.popleft(), ()):
                if there not in seen:
                    seen.add(there)
                    waiting.append(there)
        return frozenset(seen)

    def document(self) -> dict[str, Any]:
        """Return the graph as JSON values; equal graphs give equal documents."""
        return {
            "nodes": [
                {
                    "id": str(node.id),
                    "kind": node.id.kind.value,
                    "label": node.label,
                    "facts": dict(node.facts),
                    "page": node.page,
                }
                for _, node in sorted(self.nodes.items())
            ],
            "edges": [
                {
                    "cause": str(edge.cause),
                    "effect": str(edge.effect),
                    "relation": edge.relation.value,
                }
                for edge in sorted(self.edges)
            ],
            "more": {str(at): count for at, count in sorted(self.more.items())},
        }

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Graph:
        """Read what `document` wrote."""
        nodes = [
            Node(NodeId.parse(n["id"]), n["label"], dict(n["facts"]), n["page"])
            for n in document["nodes"]
        ]
        edges = frozenset(
            Edge(NodeId.parse(e["cause"]), NodeId.parse(e["effect"]), Relation(e["relation"]))
            for e in document["edges"]
        )
        more = {NodeId.parse(at): int(count) for at, count in document["more"].items()}
        return cls({node.id: node for node in nodes}, edges, more)


def without_cycles(edges: Iterable[Edge]) -> frozenset[Edge]:
    """Leave out edges that close a cycle.

    People write the tags that some edges come from, so anything may be in them: a run that says it
    is its own grandparent. Edges are taken in order of their causes, so that the same edges always
    give the same answer, and those between different kinds win over what was written by hand.
    """
    effects: dict[NodeId, set[NodeId]] = {}
    kept = set()
    for edge in sorted(set(edges), key=lambda e: (e.relation in _BY_HAND, e)):
        if edge.cause != edge.effect and not _reaches(effects, edge.effect, edge.cause):
            effects.setdefault(edge.cause, set()).add(edge.effect)
            kept.add(edge)
    return frozenset(kept)


_BY_HAND = frozenset({Relation.STARTED, Relation.USED_BY})


def _reaches(effects: Mapping[NodeId, set[NodeId]], start: NodeId, end: NodeId) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        if here == end:
            return True
        for there in effects.get(here, ()):
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    return False
