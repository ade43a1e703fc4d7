"""Writes the graph in Graphviz's language."""

from __future__ import annotations

from registry.lineage.domain.graph import Graph


def write(graph: Graph, mlflow_url: str) -> str:
    """Return a digraph, left to right; equal graphs give equal text."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [shape=box, style="rounded"];']
    for node in sorted(graph.nodes.values(), key=lambda node: node.id):
        more = f"\n+ {graph.more[node.id]} more" if node.id in graph.more else ""
        page = node.page if "://" in node.page else f"{mlflow_url.rstrip('/')}/{node.page}"
        link = f", URL={_quoted(page)}" if node.page else ""
        label = _quoted(f"{node.id.kind}\n{node.label}{more}")
        lines.append(f"  {_quoted(str(node.id))} [label={label}{link}];")
    for edge in sorted(graph.edges):
        cause, effect = _quoted(str(edge.cause)), _quoted(str(edge.effect))
        style = "" if edge.relation.carries else ", style=dashed"
        lines.append(f"  {cause} -> {effect} [label={_quoted(edge.relation.value)}{style}];")
    return "\n".join([*lines, "}\n"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
