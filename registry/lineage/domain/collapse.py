"""Collapses a large graph until it is readable, and says how large it was. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from registry.lineage.domain.graph import Edge, Graph, Kind, Node, NodeId, without_cycles

MAX_SHOWN = 48
REST = "\N{HORIZONTAL ELLIPSIS}"


def collapse(graph: Graph, start: NodeId, limit: int = MAX_SHOWN) -> Graph:
    """Return the graph with at most about `limit` nodes.

    The nodes nearest to `start` stay, the same number of each kind; the others of a kind become
    one node that says how many they are.
    """
    if len(graph.nodes) <= limit:
        return graph
    far = _distances(graph, start)
    ranked = {
        kind: sorted(
            (node for node in graph.nodes if node.kind is kind),
            key=lambda node: (far.get(node, len(graph.nodes)), _age(node)),
        )
        for kind in Kind
    }
    each = max(
        (each for each in range(1, limit + 1) if _shown(ranked, each) <= limit),
        default=1,
    )
    become: dict[NodeId, NodeId] = {}
    nodes: dict[NodeId, Node] = {}
    for kind, of_kind in ranked.items():
        # One left over is shown as itself: its stand-in would take as much room.
        kept = of_kind if len(of_kind) <= each + 1 else of_kind[:each]
        for node in kept:
            become[node], nodes[node] = node, graph.nodes[node]
        rest = of_kind[len(kept) :]
        if rest:
            stand_in = NodeId(kind, REST)
            nodes[stand_in] = Node(stand_in, f"{len(rest)} more {_plural(kind)}")
            become.update(dict.fromkeys(rest, stand_in))
    edges = without_cycles(
        Edge(become[edge.cause], become[edge.effect], edge.relation) for edge in graph.edges
    )
    more: dict[NodeId, int] = {}
    for node, count in graph.more.items():
        more[become[node]] = more.get(become[node], 0) + count
    return Graph(nodes, edges, more)


def _age(node: NodeId) -> tuple[int, str]:
    """Sort key: numbered nodes newest first, the others by name."""
    return (-int(node.key), "") if node.key.isdecimal() else (0, node.key)


def _shown(ranked: Mapping[Kind, list[NodeId]], each: int) -> int:
    return sum(min(len(nodes), each + 1) for nodes in ranked.values())


def _plural(kind: Kind) -> str:
    return {Kind.MODEL: "logged models"}.get(kind, f"{kind}s")


def _distances(graph: Graph, start: NodeId) -> dict[NodeId, int]:
    near: dict[NodeId, list[NodeId]] = {}
    for edge in graph.edges:
        near.setdefault(edge.cause, []).append(edge.effect)
        near.setdefault(edge.effect, []).append(edge.cause)
    far, waiting = {start: 0}, deque([start])
    while waiting:
        here = waiting.popleft()
        for there in near.get(here, ()):
            if there not in far:
                far[there] = far[here] + 1
                waiting.append(there)
    return far
