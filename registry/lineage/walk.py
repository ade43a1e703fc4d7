"""Walks the lineage from one node, in batches per kind and step, within limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from registry.lineage.adapters import hops, node_descriptions
from registry.lineage.domain.graph import Edge, Graph, Kind, NodeId, Relation, without_cycles

MAX_STEPS = 50
MAX_NODES = 2000
"""A picture shows far fewer, and a person reads fewer still."""
EVERYTHING = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far to walk.

    Attributes:
        steps: edges from the start, at most.
        nodes: nodes in all, at most; what is left out is counted. None is no limit.
        history: follow the versions before and after one, too; else the nearest is shown alone.
        through: kinds of nodes to step on.
        faults: only follow what carries a fault from cause to effect.
    """

    steps: int = MAX_STEPS
    nodes: int | None = MAX_NODES
    history: bool = False
    through: frozenset[Kind] = EVERYTHING
    faults: bool = False


@dataclass(slots=True)
class _Found:
    start: NodeId
    nodes: set[NodeId]
    edges: set[Edge] = field(default_factory=set)
    more: dict[NodeId, set[NodeId]] = field(default_factory=dict)


def walk(
    connection: Connection,
    start: NodeId,
    *,
    up: Reach | None = None,
    down: Reach | None = None,
) -> Graph:
    """Return the causes of a node (`up`), its effects (`down`), or both."""
    found = _Found(start, {start})
    for reach, table, upwards in ((up, hops.UP, True), (down, hops.DOWN, False)):
        if reach is not None:
            _follow(connection, found, reach, table, upwards=upwards)
    edges = without_cycles(found.edges)
    more = {node: len(left_out - found.nodes) for node, left_out in found.more.items()}
    return Graph(
        node_descriptions.describe(connection, found.nodes),
        edges,
        {node: count for node, count in more.items() if count},
    )


def _follow(
    connection: Connection,
    found: _Found,
    reach: Reach,
    table: Mapping[Kind, hops.Hop],
    *,
    upwards: bool,
) -> None:
    frontier = {found.start}
    walked = {found.start}
    for _ in range(reach.steps):
        step: set[NodeId] = set()
        for edge in _edges(connection, frontier, table):
            here, there = (edge.effect, edge.cause) if upwards else (edge.cause, edge.effect)
            if there.kind not in reach.through or (reach.faults and not edge.relation.carries):
                continue
            aside = edge.relation is Relation.PRECEDED and not reach.history
            if aside and here != found.start:
                continue
            full = reach.nodes is not None and len(found.nodes) >= reach.nodes
            if full and there not in found.nodes:
                found.more.setdefault(here, set()).add(there)
                continue
            found.nodes.add(there)
            found.edges.add(edge)
            if there not in walked and not aside:
                step.add(there)
        walked |= step
        frontier = step
        if not frontier:
            return


def _edges(
    connection: Connection, frontier: set[NodeId], table: Mapping[Kind, hops.Hop]
) -> Iterator[Edge]:
    for kind in Kind:
        hop = table.get(kind)
        keys = sorted(node.key for node in frontier if node.kind is kind)
        if hop is not None:
            for batch in _batches(keys):
                yield from sorted(hop(connection, batch))


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(keys), hops.BATCH):
        yield keys[begin : begin + hops.BATCH]
