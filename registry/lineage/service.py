"""Answers questions about lineage, each in one read transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from infra.stores.db import reading
from registry.adapters import version_rows
from registry.bootstrap import Registry
from registry.domain.records import VersionRecord
from registry.lineage import serving_history
from registry.lineage.domain.completeness import Completeness
from registry.lineage.domain.graph import Graph, Kind, Node, NodeId
from registry.lineage.origins import completeness_of, find_origin
from registry.lineage.serving_history import Tenure
from registry.lineage.walk import Reach, walk

_TO_VERSIONS = Reach(
    nodes=None,
    through=frozenset({Kind.RUN, Kind.MODEL, Kind.VERSION}),
    faults=True,
)
"""A fault travels from data and code through runs and models into versions, and no further."""


@dataclass(frozen=True, slots=True)
class VersionLineage:
    """One version's lineage: its causes and its effects."""

    record: VersionRecord
    graph: Graph
    completeness: Completeness

    @property
    def start(self) -> NodeId:
        """The version's node."""
        return NodeId(Kind.VERSION, self.record.uid)


@dataclass(frozen=True, slots=True)
class Impact:
    """What contains a dataset, commit, run or logged model.

    Attributes:
        origin: described.
        evaluated_only: runs that only evaluated on the dataset; nothing was made of it there.
        versions: everything made from it, newest registration last.
        tenures: when and where one of them got an endpoint's traffic, oldest first.
    """

    origin: Node
    evaluated_only: int
    versions: tuple[Node, ...]
    tenures: tuple[Tenure, ...]

    @property
    def serving(self) -> tuple[Tenure, ...]:
        """What serves one of them now."""
        return tuple(tenure for tenure in self.tenures if tenure.to_ms is None)


class Lineage:
    """Reads the lineage; writes nothing."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._engine = registry.engine

    def of_version(
        self,
        name: str,
        spec: str | None,
        *,
        up: Reach | None = None,
        down: Reach | None = None,
    ) -> VersionLineage:
        """Return the lineage of a version.

        Args:
            name: registered model.
            spec: `1.2.0`, a number, `@champion` or a stage; None is the newest version.
            up: how far to its causes; None is not at all.
            down: how far to its effects; None is not at all.

        Raises:
            UnknownVersionError: nothing matches; the message lists what there is.
        """
        record = self._version(name, spec)
        with reading(self._engine) as connection:
            graph = walk(connection, NodeId(Kind.VERSION, record.uid), up=up, down=down)
            known = completeness_of(connection, record)
        return VersionLineage(record, graph, known)

    def of_origin(self, origin: str, down: Reach) -> tuple[NodeId, Graph]:
        """Return, as a graph, what was made from a dataset, commit, run or logged model.

        Raises:
            OriginUnclearError: it is not named clearly.
            UnknownOriginError: there is none.
        """
        with reading(self._engine) as connection:
            start = find_origin(connection, origin)
            return start, walk(connection, start, down=down)

    def impact(self, origin: str) -> Impact:
        """Return the blast radius of a dataset, commit, run or logged model.

        Raises:
            OriginUnclearError: it is not named clearly.
            UnknownOriginError: there is none.
        """
        with reading(self._engine) as connection:
            start = find_origin(connection, origin)
            graph = walk(connection, start, down=_TO_VERSIONS)
            uids = [node.key for node in graph.affected(start) if node.kind is Kind.VERSION]
            versions = [graph.nodes[NodeId(Kind.VERSION, uid)] for uid in uids]
            return Impact(
                origin=graph.nodes[start],
                evaluated_only=_evaluated_only(connection, start),
                versions=tuple(sorted(versions, key=lambda node: node.facts.get("registered", ""))),
                tenures=tuple(
                    sorted(_tenures(connection, uids), key=lambda t: (t.from_ms, t.version_uid))
                ),
            )

    def served(self, name: str, at: datetime) -> Sequence[Tenure]:
        """Return what served under a name at a moment, and who held its stages and aliases.

        Raises:
            NothingServedError: nothing of this name is known.
        """
        return serving_history.served(self._engine, name, at)

    def served_spans(self, record: VersionRecord) -> Sequence[Tenure]:
        """Return when and where a version got an endpoint's traffic, oldest first."""
        with reading(self._engine) as connection:
            found = serving_history.endpoint_tenures(connection, [record.uid])
        return sorted(found, key=lambda tenure: tenure.from_ms)

    def completeness(self, record: VersionRecord) -> Completeness:
        """Measure how much of a version's origin is known."""
        with reading(self._engine) as connection:
            return completeness_of(connection, record)

    def _version(self, name: str, spec: str | None) -> VersionRecord:
        if spec is not None:
            return self._registry.versions.find_version(name, spec)
        with reading(self._engine) as connection:
            newest = next(iter(version_rows.semvers(connection, name, 1)[0]), None)
        return self._registry.versions.find_version(name, newest or "")


def _tenures(connection: Connection, uids: Sequence[str]) -> Iterator[Tenure]:
    from registry.lineage.adapters.hops import BATCH

    for begin in range(0, len(uids), BATCH):
        yield from serving_history.endpoint_tenures(connection, uids[begin : begin + BATCH])


def _evaluated_only(connection: Connection, start: NodeId) -> int:
    if start.kind is not Kind.DATASET:
        return 0
    around = walk(connection, start, down=Reach(steps=1, nodes=None))
    trained = {edge.effect for edge in around.edges if edge.relation.carries}
    return len({edge.effect for edge in around.edges} - trained)
