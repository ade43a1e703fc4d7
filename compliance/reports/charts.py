"""Draws the report's charts as inline SVG, without an image library.

Colours come from the page's style sheet by class, so that one picture suits both themes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from registry.domain.values import shown_score

WIDTH = 620


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart with its title and caption."""

    title: str
    note: str
    svg: Markup


def dial(document: Mapping[str, Any]) -> Markup:
    """Draw the score as a ring, with a tick where the bar lies."""
    score, least = float(document["score"]), float(document["min_score"])
    radius, centre = 78.0, 100.0
    length = 2 * math.pi * radius
    angle = 2 * math.pi * least - math.pi / 2
    inner, outer = radius - 13, radius + 13
    tick = " ".join(
        f'{axis}{end}="{centre + r * f(angle):.1f}"'
        for end, r in ((1, inner), (2, outer))
        for axis, f in (("x", math.cos), ("y", math.sin))
    )
    kind = "good" if document["passed"] else "bad"
    shown = shown_score(score)
    return Markup(  # noqa: S704 (numbers only)
        f'<svg viewBox="0 0 200 200" class="dial" role="img" aria-label="score {shown}">'
        f'<circle cx="{centre}" cy="{centre}" r="{radius}" class="track"/>'
        f'<circle cx="{centre}" cy="{centre}" r="{radius}" class="arc {kind}" '
        f'stroke-dasharray="{length * score:.2f} {length:.2f}" '
        f'transform="rotate(-90 {centre} {centre})"/>'
        f'<line {tick} class="tick"/>'
        f'<text x="100" y="104" class="number">{shown}</text>'
        f'<text x="100" y="128" class="caption">of {least:.2f} needed</text></svg>'
    )


def plots(document: Mapping[str, Any]) -> list[Plot]:
    """Draw a chart for each thing that the rules measured."""
    found = []
    for principle in document["principles"]:
        for rule in principle["rules"]:
            found += list(_plots_of(rule))
    return found


def _plots_of(rule: Mapping[str, Any]) -> Iterator[Plot]:
    details = rule["details"]
    if "confusion" in details and len(details["classes"]) <= 12:
        yield _confusion(details["classes"], details["confusion"])
    if "residual_counts" in details:
        yield _histogram(details["residual_counts"], details["residual_edges"])
    if rule["check"].startswith("fairness."):
        for attribute, numbers in sorted(details.items()):
            yield _groups(rule, attribute, numbers)


def _confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Plot:
    size, left, top = 64, 130, 34
    parts = [_text(left + size * len(classes) / 2, 14, "predicted", "axis")]
    for j, name in enumerate(classes):
        parts.append(_text(left + size * (j + 0.5), 29, name, "axis"))
    for i, row in enumerate(counts):
        total = sum(row) or 1
        parts.append(_text(left - 10, top + size * (i + 0.5) + 5, classes[i], "axis end"))
        for j, count in enumerate(row):
            kind = "cell right" if i == j else "cell wrong"
            x, y = left + size * j, top + size * i
            parts.append(
                f'<rect x="{x + 1}" y="{y + 1}" width="{size - 2}" height="{size - 2}" rx="5" '
                f'class="{kind}" fill-opacity="{0.08 + 0.85 * count / total:.3f}"/>'
            )
            parts.append(_text(x + size / 2, y + size / 2 + 5, f"{count}", "value"))
    height = top + size * len(classes) + 6
    return Plot(
        "Confusion on the holdout",
        "Rows are the truth; shades are shares of a row.",
        _svg(left + size * len(classes) + 10, height, parts),
    )


def _histogram(counts: Sequence[int], edges: Sequence[float]) -> Plot:
    height, base, left = 180, 150, 10
    step = (WIDTH - 2 * left) / len(counts)
    most = max(counts) or 1
    parts = [
        f'<rect x="{left + i * step + 1:.1f}" y="{base - 130 * c / most:.1f}" '
        f'width="{step - 2:.1f}" height="{130 * c / most:.1f}" rx="2" class="bar"/>'
        for i, c in enumerate(counts)
    ]
    parts.append(f'<line x1="{left}" x2="{WIDTH - left}" y1="{base}" y2="{base}" class="rule"/>')
    span = (edges[-1] - edges[0]) or 1.0
    for value in (edges[0], 0.0, edges[-1]):
        x = left + (value - edges[0]) / span * (WIDTH - 2 * left)
        if left <= x <= WIDTH - left:
            align = "start" if x < 40 else "end" if x > WIDTH - 40 else ""
            parts.append(_text(x, base + 18, f"{value:.3g}", f"axis {align}"))
    return Plot(
        "Residuals on the holdout",
        "Truth minus prediction; the outer bars hold everything beyond 3 root mean square errors.",
        _svg(WIDTH, height, parts),
    )


def _groups(rule: Mapping[str, Any], attribute: str, numbers: Mapping[str, Any]) -> Plot:
    rates = numbers["rates"]
    left, right, row = 150, 110, 30
    scale = WIDTH - left - right
    parts = []
    for i, (group, rate) in enumerate(sorted(rates.items())):
        share = rate["hits"] / rate["n"]
        half = 1.96 * math.sqrt(share * (1 - share) / rate["n"])
        y = 20 + i * row
        low, high = max(0.0, share - half), min(1.0, share + half)
        parts += [
            _text(left - 10, y + 4, group, "axis end"),
            f'<line x1="{left}" x2="{left + scale}" y1="{y}" y2="{y}" class="rule"/>',
            f'<line x1="{left + scale * low:.1f}" x2="{left + scale * high:.1f}" y1="{y}" y2="{y}" '
            f'class="whisker"/>',
            f'<circle cx="{left + scale * share:.1f}" cy="{y}" r="5" class="dot"/>',
            _text(left + scale + 10, y + 4, f"{share:.3f}  n={rate['n']}", "axis start"),
        ]
    bottom = 20 + len(rates) * row
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_text(left + scale * mark, bottom + 8, f"{mark:g}", "axis"))
    low, high = numbers["interval"]
    kind = "Selection rate" if "selection" in rule["check"] else "True-positive rate"
    return Plot(
        f"{kind} by {attribute}",
        f"Largest gap {numbers['gap']:.3f}, 95 % interval {low:.3f} to {high:.3f}; "
        f"whiskers are 95 % intervals of each rate.",
        _svg(WIDTH, bottom + 16, parts),
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


def _svg(width: float, height: float, parts: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 (texts are escaped in _text, the rest are numbers)
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" class="plot" '
        f'role="img">{"".join(parts)}</svg>'
    )
