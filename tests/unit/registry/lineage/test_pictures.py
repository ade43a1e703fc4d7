"""Layout, collapse and the drawn picture, for any graph."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry.lineage.domain.collapse import collapse
from registry.lineage.domain.graph import Edge, Graph, Kind, Node, NodeId, Relation, without_cycles
from registry.lineage.domain.layout import lay_out
from registry.lineage.formats import dot, svg
from tests.unit.registry.lineage.test_graph import graphs

SVG = "{http://www.w3.org/2000/svg}"
VERSION = NodeId(Kind.VERSION, "v")


def requests(count: int) -> Graph:
    """A version with this many requests, each with a verdict."""
    nodes, edges = [Node(VERSION, "credit 1.0.0")], []
    for i in range(count):
        request, verdict = NodeId(Kind.REQUEST, str(i)), NodeId(Kind.VERDICT, str(i))
        nodes += [Node(request, "to Production"), Node(verdict, "passed 0.97")]
        edges += [
            Edge(VERSION, request, Relation.ASKED),
            Edge(request, verdict, Relation.JUDGED),
        ]
    return Graph({node.id: node for node in nodes}, without_cycles(edges))


@given(graphs())
def test_every_effect_lies_right_of_its_cause_and_no_two_nodes_overlap(graph: Graph) -> None:
    layout = lay_out(sorted(graph.nodes), [(e.cause, e.effect) for e in graph.edges])
    for edge in graph.edges:
        left, right = layout.places[edge.cause][0], layout.places[edge.effect][0]
        assert left < right
        assert len(layout.bends[edge.cause, edge.effect]) == right - left - 1
    columns: dict[int, list[float]] = {}
    for layer, height in layout.places.values():
        columns.setdefault(layer, []).append(height)
    for heights in columns.values():
        heights.sort()
        assert all(b - a >= 1 - 1e-9 for a, b in pairwise(heights))


def test_a_tidy_tree_is_drawn_without_crossings() -> None:
    edges = [("r", "a"), ("r", "b"), ("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2")]
    layout = lay_out(["r", "b", "a", "b2", "a1", "b1", "a2"], edges)
    height = {node: at for node, (_, at) in layout.places.items()}
    a_above = height["a"] < height["b"]
    for one in ("a1", "a2"):
        for other in ("b1", "b2"):
            assert (height[one] < height[other]) == a_above


@given(graphs(), st.integers(4, 12))
def test_a_collapsed_graph_is_small_keeps_its_start_and_counts_everything(
    graph: Graph, limit: int
) -> None:
    start = min(graph.nodes)
    small = collapse(graph, start, limit)
    assert start in small.nodes
    assert not any(node in small.up(node) for node in small.nodes)
    kinds = {node.kind for node in graph.nodes}
    assert len(small.nodes) <= max(limit, 2 * len(kinds))
    assert sum(small.more.values()) == sum(graph.more.values())


@pytest.mark.parametrize("count", [1, 23, 24, 500])
def test_a_picture_says_how_many_it_does_not_show(count: int) -> None:
    drawn = svg.draw(requests(count), VERSION, "/")
    boxes = drawn.count('class="box"')
    assert boxes == 1 + 2 * count if count <= 23 else boxes <= 49
    kept = drawn.count(">to Production</text>")
    assert (f"{count - kept} more requests" in drawn) == (count > 23)


@given(graphs())
def test_whatever_things_are_called_the_picture_is_xml_with_nothing_that_runs(
    graph: Graph,
) -> None:
    assume(graph.nodes)
    root = ET.fromstring(svg.draw(graph, min(graph.nodes), "/"))
    allowed = {"svg", "title", "style", "defs", "marker", "path", "rect", "g", "a", "text"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)


def test_a_hostile_name_stays_text_and_a_hostile_page_is_no_link() -> None:
    evil = '"><script>alert(1)</script>\x00'
    node = Node(VERSION, evil, {"note": evil}, "javascript:alert(1)")
    drawn = svg.draw(Graph({VERSION: node}), VERSION, "/")
    assert "<script" not in drawn
    assert "javascript:" not in drawn
    ET.fromstring(drawn)
    told = dot.write(Graph({VERSION: Node(VERSION, 'a"; b\\')}), "http://x")
    assert 'label="version\\na\\"; b\\\\"' in told


def test_nodes_link_to_their_pages_in_mlflow() -> None:
    page = "#/models/credit/versions/3"
    drawn = svg.draw(Graph({VERSION: Node(VERSION, "credit", {}, page)}), VERSION, "../../../")
    assert f'<a href="../../../{page}" target="_top">' in drawn
