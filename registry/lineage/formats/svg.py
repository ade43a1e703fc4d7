"""Draws the graph as one self-contained SVG, for light and dark pages, with no scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from registry.lineage.domain.collapse import REST, collapse
from registry.lineage.domain.graph import Edge, Graph, Kind, Node, NodeId
from registry.lineage.domain.layout import Layout, lay_out

NODE_WIDTH, NODE_HEIGHT = 172, 54
ACROSS, DOWN = 222, 74
MARGIN = 20
LABEL_CHARACTERS, FACT_CHARACTERS = 19, 25
FIT_WIDTH = 1100
"""A picture that fits its frame is drawn no larger than if it were this wide."""

_COLOURS = {
    Kind.DATASET: ("#0f766e", "#2dd4bf"),
    Kind.COMMIT: ("#6d28d9", "#a78bfa"),
    Kind.RUN: ("#1d4ed8", "#60a5fa"),
    Kind.MODEL: ("#0369a1", "#38bdf8"),
    Kind.VERSION: ("#111827", "#f9fafb"),
    Kind.REQUEST: ("#a16207", "#facc15"),
    Kind.VERDICT: ("#15803d", "#4ade80"),
    Kind.APPROVAL: ("#be185d", "#f472b6"),
    Kind.ROLLOUT: ("#c2410c", "#fb923c"),
    Kind.ENDPOINT: ("#b91c1c", "#f87171"),
}
"""Kind to its colour on light and on dark; each has a contrast above 4.5 with its paper."""
_BAD = "failed", "rejected"
_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SAFE_PAGE = re.compile(r"(#/|https?://)")


def draw(graph: Graph, start: NodeId, mlflow_root: str, *, fit: bool = False) -> str:
    """Return the picture; equal graphs give equal bytes.

    Args:
        graph: what to draw; a large one is drawn collapsed, and says so.
        start: node to mark.
        mlflow_root: where MLflow's UI is, for links: an address or a relative path.
        fit: leave the size to the frame it is shown in.
    """
    shown = collapse(graph, start)
    nodes = sorted(shown.nodes)
    layout = lay_out(nodes, [(edge.cause, edge.effect) for edge in shown.edges])
    width = 2 * MARGIN + (layout.layers - 1) * ACROSS + NODE_WIDTH
    height = round(2 * MARGIN + layout.height * DOWN + NODE_HEIGHT)
    size = "" if fit else f'width="{width}" height="{height}" '
    framed = max(width, FIT_WIDTH) if fit else width
    title = f"Lineage of {shown.nodes[start].label}" if start in shown.nodes else "Lineage"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {framed} {height}" '
        f'{size}role="img" aria-label="{_text(title)}">',
        f"<title>{_text(title)}</title>",
        f"<style>{_style()}</style>",
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0.5 8 4 0 7.5z"/></marker></defs>',
        f'<rect class="paper" width="{width}" height="{height}" rx="10"/>',
        *(_edge(edge, layout) for edge in sorted(shown.edges)),
    ]
    for node in nodes:
        lines.extend(_node(shown, shown.nodes[node], layout, start, mlflow_root))
    return "\n".join([*lines, "</svg>\n"])


def _style() -> str:
    light = "".join(f".{kind}{{--c:{colours[0]}}}" for kind, colours in _COLOURS.items())
    dark = "".join(f".{kind}{{--c:{colours[1]}}}" for kind, colours in _COLOURS.items())
    return (
        "svg{--paper:#ffffff;--card:#f8fafc;--ink:#0f172a;--soft:#526074;--line:#94a3b8;"
        "--bad:#b91c1c;font-family:ui-sans-serif,system-ui,'Segoe UI',Roboto,sans-serif}"
        f"{light}"
        "@media (prefers-color-scheme:dark){svg{--paper:#0f172a;--card:#1b2537;--ink:#f1f5f9;"
        f"--soft:#a3b1c6;--line:#64748b;--bad:#f87171}}{dark}}}"
        ".paper{fill:var(--paper)}"
        ".edge{fill:none;stroke:var(--line);stroke-width:1.6;marker-end:url(#to)}"
        ".aside{stroke-dasharray:4 4}marker path{fill:var(--line)}"
        ".box{fill:var(--card);stroke:var(--c);stroke-width:1.2}"
        ".bar{fill:var(--c)}.start .box{stroke-width:3}"
        ".rest .box{stroke-dasharray:5 4}"
        ".kind{font-size:9.5px;letter-spacing:.06em;fill:var(--c);font-weight:600}"
        ".label{font-size:12.5px;font-weight:600;fill:var(--ink)}"
        ".fact{font-size:10.5px;fill:var(--soft)}.bad{fill:var(--bad)}"
        ".count{font-size:9.5px;fill:var(--soft)}"
        "a:hover .box,a:focus .box{stroke-width:2.6}"
    )


def _corner(layout: Layout[NodeId], node: NodeId) -> tuple[float, float]:
    layer, height = layout.places[node]
    return MARGIN + layer * ACROSS, MARGIN + height * DOWN


def _edge(edge: Edge, layout: Layout[NodeId]) -> str:
    x, y = _corner(layout, edge.cause)
    end_x, end_y = _corner(layout, edge.effect)
    points = [(x + NODE_WIDTH, y + NODE_HEIGHT / 2)]
    layer = layout.places[edge.cause][0]
    for step, bend in enumerate(layout.bends[edge.cause, edge.effect], start=1):
        left = MARGIN + (layer + step) * ACROSS
        middle = MARGIN + bend * DOWN + NODE_HEIGHT / 2
        points += [(left, middle), (left + NODE_WIDTH, middle)]
    points.append((end_x, end_y + NODE_HEIGHT / 2))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (ax, ay), (bx, by) in pairwise(points):
        half = (bx - ax) / 2
        path += f"C{ax + half:.1f} {ay:.1f} {bx - half:.1f} {by:.1f} {bx:.1f} {by:.1f}"
    aside = "" if edge.relation.carries else " aside"
    return f'<path class="edge{aside}" d="{path}"><title>{_text(edge.relation)}</title></path>'


def _node(
    graph: Graph, node: Node, layout: Layout[NodeId], start: NodeId, mlflow_root: str
) -> Iterator[str]:
    x, y = _corner(layout, node.id)
    classes = [node.id.kind.value]
    classes += ["start"] if node.id == start else []
    classes += ["rest"] if node.id.key == REST else []
    linked = bool(_SAFE_PAGE.match(node.page))
    if linked:
        page = node.page if "://" in node.page.split("#")[0] else mlflow_root + node.page
        yield f'<a href="{_text(page)}" target="_top">'
    yield f'<g class="{" ".join(classes)}" transform="translate({x:.1f} {y:.1f})">'
    yield f"<title>{_text(_title(node))}</title>"
    yield f'<rect class="box" width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="7"/>'
    yield f'<rect class="bar" x="0" y="7" width="4" height="{NODE_HEIGHT - 14}" rx="2"/>'
    yield f'<text class="kind" x="13" y="15">{_kind(node.id.kind)}</text>'
    bad = " bad" if node.id.kind in {Kind.VERDICT, Kind.APPROVAL} and _is_bad(node) else ""
    yield f'<text class="label{bad}" x="13" y="31">{_label(node)}</text>'
    yield f'<text class="fact" x="13" y="46">{_cut(_fact(node), FACT_CHARACTERS)}</text>'
    if node.id in graph.more:
        yield (
            f'<text class="count" x="{NODE_WIDTH - 8}" y="15" text-anchor="end">'
            f"+{graph.more[node.id]} more</text>"
        )
    yield "</g>"
    if linked:
        yield "</a>"


def _label(node: Node) -> str:
    """Shorten a version's name rather than its number."""
    version = node.facts.get("version", "") if node.id.kind is Kind.VERSION else ""
    if not version or len(node.label) <= LABEL_CHARACTERS:
        return _cut(node.label, LABEL_CHARACTERS)
    room = max(4, LABEL_CHARACTERS - len(version) - 1)
    return f"{_cut(node.label.removesuffix(version).rstrip(), room)} {_cut(version, 14)}"


def _kind(kind: Kind) -> str:
    return "LOGGED MODEL" if kind is Kind.MODEL else kind.value.upper()


def _is_bad(node: Node) -> bool:
    return node.label.startswith(_BAD)


def _fact(node: Node) -> str:
    facts = node.facts
    match node.id.kind:
        case Kind.DATASET:
            rows = f", {facts['rows']} rows" if "rows" in facts else ""
            fact = facts.get("digest", "").removeprefix("sha256:")[:12] + rows
        case Kind.COMMIT:
            fact = facts.get("branch", "")
        case Kind.RUN:
            fact = facts.get("at", "")[:16].replace("T", " ")
        case Kind.MODEL:
            fact = facts.get("model", "")[:14]
        case Kind.VERSION:
            stage = facts.get("stage", "").removeprefix("None")
            fact = f"#{facts['number']} {stage}" if "number" in facts else ""
        case Kind.REQUEST:
            fact = f"#{facts['request']} {facts['state']}" if "request" in facts else ""
        case Kind.VERDICT:
            fact = facts.get("enforcement", "")
        case Kind.APPROVAL:
            fact = facts.get("comment", "")
        case Kind.ROLLOUT:
            fact = facts.get("phase", "")
        case Kind.ENDPOINT:
            fact = f"serves {facts['serves']}" if "serves" in facts else "serves nothing"
    return facts.get("note", "") or fact


def _title(node: Node) -> str:
    lines = [f"{node.id.kind} {node.label}"]
    return "\n".join(lines + [f"{name}: {value}" for name, value in node.facts.items()])


def _cut(text: str, characters: int) -> str:
    """Return text that fits, escaped; wide characters count twice."""
    used = 0
    for position, character in enumerate(text):
        used += 2 if ord(character) > 0x1100 else 1
        if used > characters:
            return _text(text[:position].rstrip() + "…")
    return _text(text)


def _text(text: str) -> str:
    return escape(_CONTROL.sub("�", text), quote=True)
