"""Laws of the lineage graph, for any graph."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from registry.lineage.domain.graph import Edge, Graph, Kind, Node, NodeId, Relation, without_cycles

ids = st.builds(NodeId, st.sampled_from(Kind), st.text(max_size=4))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes = draw(st.lists(ids, min_size=1, max_size=12, unique=True))
    edges = draw(
        st.lists(
            st.builds(
                Edge, st.sampled_from(nodes), st.sampled_from(nodes), st.sampled_from(Relation)
            ),
            max_size=30,
        )
    )
    labels = st.text(max_size=8)
    described = [
        Node(node, draw(labels), draw(st.dictionaries(labels, labels, max_size=2)), draw(labels))
        for node in nodes
    ]
    more = draw(st.dictionaries(st.sampled_from(nodes), st.integers(1, 99), max_size=3))
    return Graph({node.id: node for node in described}, without_cycles(edges), more)


@given(graphs())
def test_nothing_is_its_own_cause(graph: Graph) -> None:
    for node in graph.nodes:
        assert node not in graph.up(node)
        assert node not in graph.down(node)


@given(graphs())
def test_up_and_down_are_inverse(graph: Graph) -> None:
    for one in graph.nodes:
        for other in graph.nodes:
            assert (one in graph.up(other)) == (other in graph.down(one))


@given(graphs())
def test_effects_of_effects_are_effects(graph: Graph) -> None:
    for node in graph.nodes:
        for effect in graph.down(node):
            assert graph.down(effect) <= graph.down(node)


@given(graphs())
def test_a_fault_reaches_only_effects_and_never_over_an_edge_that_carries_none(
    graph: Graph,
) -> None:
    for node in graph.nodes:
        affected = graph.affected(node)
        assert affected <= graph.down(node)
        reached = {node} | affected
        for edge in graph.edges:
            if edge.cause in reached and edge.relation.carries:
                assert edge.effect in reached
        for effect in affected:
            assert any(
                e.effect == effect and e.cause in reached and e.relation.carries
                for e in graph.edges
            )


@given(graphs())
def test_what_is_written_is_read_back(graph: Graph) -> None:
    assert Graph.parse(json.loads(json.dumps(graph.document()))) == graph


@given(graphs(), st.randoms())
def test_the_same_edges_always_lose_the_same_cycles(graph: Graph, random: object) -> None:
    edges = [*graph.edges, *(Edge(e.effect, e.cause, Relation.STARTED) for e in graph.edges)]
    once = without_cycles(edges)
    getattr(random, "shuffle")(edges)  # noqa: B009
    assert without_cycles(edges) == once


@given(st.lists(st.builds(Edge, ids, ids, st.sampled_from(Relation)), max_size=20))
def test_an_edge_is_left_out_only_if_it_closes_a_cycle(edges: list[Edge]) -> None:
    kept = without_cycles(edges)
    nodes = {node for edge in edges for node in (edge.cause, edge.effect)}
    graph = Graph({node: Node(node, "") for node in nodes}, kept)
    for edge in set(edges) - kept:
        assert edge.cause == edge.effect or edge.cause in graph.down(edge.effect)
