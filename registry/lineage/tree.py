"""Writes lineage as text: trees of causes and effects, served versions, a blast radius."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime

from infra.clock import moment, to_millis
from registry.domain.values import Stage
from registry.lineage.domain.completeness import Completeness
from registry.lineage.domain.graph import Edge, Graph, Kind, Node, NodeId
from registry.lineage.service import Impact, VersionLineage
from registry.lineage.serving_history import Tenure
from registry.stages.adapters.tenures import PlaceKind

_SHOWN_FACTS = {
    Kind.DATASET: ("digest", "rows"),
    Kind.COMMIT: ("branch",),
    Kind.RUN: ("by", "at", "note"),
    Kind.MODEL: ("model", "note"),
    Kind.VERSION: ("number", "stage"),
    Kind.REQUEST: ("state", "by"),
    Kind.VERDICT: ("enforcement",),
    Kind.APPROVAL: ("comment",),
    Kind.ROLLOUT: ("phase", "why"),
    Kind.ENDPOINT: ("serves",),
}


def lineage_lines(found: VersionLineage, *, up: bool, down: bool) -> Iterator[str]:
    """Yield a version with its causes and its effects as trees."""
    yield _line(found.graph.nodes[found.start])
    if up:
        yield "made from"
        yield from _branches(found.graph, found.start, upwards=True)
    if down:
        yield "came of it"
        yield from _branches(found.graph, found.start, upwards=False)
    yield from completeness_lines(found.completeness)


def completeness_lines(found: Completeness) -> Iterator[str]:
    """Yield how much of the origin is known, and how to add the rest."""
    known = len(found.parts) - len(found.missing)
    yield f"completeness {found.share:.2f}: {known} of {len(found.parts)} parts are known"
    for part in found.missing:
        yield f"  - no {part.name}. Fix: {part.fix}"


def _branches(graph: Graph, start: NodeId, *, upwards: bool) -> Iterator[str]:
    next_to: dict[NodeId, list[tuple[NodeId, Edge]]] = {}
    for edge in sorted(graph.edges):
        here, there = (edge.effect, edge.cause) if upwards else (edge.cause, edge.effect)
        next_to.setdefault(here, []).append((there, edge))
    shown = {start}

    def below(node: NodeId, indent: str) -> Iterator[str]:
        # What carries a fault comes first: the rest is shown as above, if it is there.
        children = sorted(
            next_to.get(node, ()), key=lambda child: (not child[1].relation.carries, child[0])
        )
        left_out = graph.more.get(node, 0)
        for position, (child, edge) in enumerate(children):
            last = position + 1 == len(children) and not left_out
            again = child in shown
            shown.add(child)
            how = f"  ({edge.relation.value})" if not edge.relation.carries else ""
            yield f"{indent}{'└─ ' if last else '├─ '}{_line(graph.nodes[child], again)}{how}"
            if not again:
                yield from below(child, indent + ("   " if last else "│  "))
        if left_out:
            yield f"{indent}└─ and {left_out} more"

    if start not in next_to and not graph.more.get(start):
        yield "└─ nothing is known"
        return
    yield from below(start, "")


def _line(node: Node, again: bool = False) -> str:
    kind = node.id.kind.value
    name = node.label if node.label.startswith(kind) else f"{kind} {node.label}"
    if again:
        return printable(f"{name}  (as above)")
    facts = [
        _fact(name, node.facts[name]) for name in _SHOWN_FACTS[node.id.kind] if name in node.facts
    ]
    more = ", ".join(fact for fact in facts if fact)
    return printable(f"{name}  {more}" if more else name)


def printable(text: str) -> str:
    """Return text that cannot control a terminal: control and direction marks are spelled out."""
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in {"Cc", "Cf"} else char
        for char in text
    )


def _fact(name: str, value: str) -> str:
    match name:
        case "number":
            return f"#{value}"
        case "stage" if value == Stage.NONE.value:
            return ""
        case "rows" | "serves":
            return f"{value} rows" if name == "rows" else f"serves {value}"
        case "at":
            return value[:16].replace("T", " ") + " UTC"
        case _:
            return value


def served_lines(name: str, at: datetime, found: Sequence[Tenure]) -> Iterator[str]:
    """Yield what served, and which version held which stage or alias."""
    yield f"{name} at {moment(to_millis(at))} (UTC)"
    if not found:
        yield "  nothing served, and no version held a stage or a governed alias"
        yield "  (a model that was renamed is known under the name it had then)"
    for tenure in found:
        what = "traffic" if tenure.place is PlaceKind.ENDPOINT else tenure.slot
        share = f"{tenure.share_percent:>3} %" if tenure.place is PlaceKind.ENDPOINT else "     "
        yield (
            f"  {what:<11} {share}  {tenure.model} {tenure.semver} (#{tenure.number})  "
            f"{_span(tenure)}"
        )


def impact_lines(found: Impact) -> Iterator[str]:
    """Yield a blast radius, what serves first, since that matters most."""
    yield _line(found.origin)
    serving = found.serving
    yield f"serves now: {_count(len(serving), 'version')}"
    for tenure in serving:
        yield (
            f"  endpoint {tenure.name}  {tenure.share_percent} %  {tenure.model} {tenure.semver}"
            f"  {_span(tenure)}"
        )
    before = [tenure for tenure in found.tenures if tenure.to_ms is not None]
    yield f"served before: {_count(len(before), 'time')}"
    for tenure in before:
        yield (
            f"  endpoint {tenure.name}  {tenure.share_percent} %  {tenure.model} {tenure.semver}"
            f"  {_span(tenure)}"
        )
    yield f"made from it: {_count(len(found.versions), 'version')}"
    for node in found.versions:
        yield f"  {_line(node)}"
    if found.evaluated_only:
        runs = _count(found.evaluated_only, "run")
        yield f"{runs} only evaluated on it; nothing is counted for that"


def _span(tenure: Tenure) -> str:
    until = f"until {moment(tenure.to_ms)}" if tenure.to_ms is not None else "still"
    return f"since {moment(tenure.from_ms)} {until}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else "nothing"
