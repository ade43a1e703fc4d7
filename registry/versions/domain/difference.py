"""Finds what differs between two versions: values in, lines out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from registry.domain.signature import Field, Signature, compare
from registry.versions.domain.semver import precedence


@dataclass(frozen=True, slots=True)
class ComparedVersion:
    """One version, as far as a comparison needs it; empty where nothing is known.

    Attributes:
        facts: single values, e.g. `stage`, `commit`.
        metrics: last value of each; NaN and infinities unchanged.
        datasets: digest by the name under which it was logged.
        requirements: version specifier by package.
        files: SHA-256 by path.
        tags: those that people set.
    """

    semver: str
    signature: Signature | None
    facts: Mapping[str, str | None] = field(hash=False, default_factory=dict)
    params: Mapping[str, str] = field(hash=False, default_factory=dict)
    metrics: Mapping[str, float] = field(hash=False, default_factory=dict)
    datasets: Mapping[str, str] = field(hash=False, default_factory=dict)
    requirements: Mapping[str, str] = field(hash=False, default_factory=dict)
    files: Mapping[str, str] = field(hash=False, default_factory=dict)
    tags: Mapping[str, str] = field(hash=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One difference.

    Attributes:
        part: what kind of thing differs: `signature`, `parameter`, `metric`, ...
        name: which one.
        before, after: its values; None where it is not there.
        note: more for people, e.g. `+2.5 %`.
    """

    part: str
    name: str
    before: str | None
    after: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Says how two versions relate.

    Attributes:
        order: `<`, `=` or `>` by precedence (semver §11).
        change: what moving from the first to the second means for callers: `major`,
            `minor`, `patch`, or `unknown` where a signature is missing.
        reasons: why, worst first.
    """

    order: str
    change: str
    reasons: tuple[str, ...]


def relate(first: ComparedVersion, second: ComparedVersion) -> Comparison:
    """Return how two versions relate by number and by contract."""
    a, b = precedence(first.semver), precedence(second.semver)
    order = "=" if a == b else "<" if a < b else ">"
    if first.signature is None or second.signature is None:
        without = [s.semver for s in (first, second) if s.signature is None]
        return Comparison(order, "unknown", (f"no signature in {' and '.join(without)}",))
    change = compare(first.signature, second.signature)
    return Comparison(order, change.bump.name.lower(), change.reasons)


def differ(first: ComparedVersion, second: ComparedVersion) -> tuple[Line, ...]:
    """Return every difference, by part, then by name; none for a version and itself."""
    return (
        *_texts("fact", first.facts, second.facts),
        *_texts("signature", _fields(first.signature), _fields(second.signature)),
        *_texts("parameter", first.params, second.params),
        *_metrics(first.metrics, second.metrics),
        *_texts("dataset", first.datasets, second.datasets),
        *_texts("requirement", first.requirements, second.requirements),
        *_texts("file", first.files, second.files),
        *_texts("tag", first.tags, second.tags),
    )


def _texts(
    part: str, before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> Iterator[Line]:
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was != now:
            yield Line(part, name, was, now)


def _metrics(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[Line]:
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if not _same(was, now):
            yield Line("metric", name, _number(was), _number(now), relative(was, now))


def _same(was: float | None, now: float | None) -> bool:
    if was is None or now is None:
        return was is now
    return was == now or (math.isnan(was) and math.isnan(now))


def relative(was: float | None, now: float | None) -> str:
    """Return the change relative to the value before, in percent; "" where there is none."""
    if was is None or now is None or not was:
        return ""
    if not (math.isfinite(was) and math.isfinite(now)):
        return ""
    percent = (now / abs(was) - math.copysign(1.0, was)) * 100
    return f"{percent:+.3g} %" if math.isfinite(percent) else ""


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"


def _fields(signature: Signature | None) -> dict[str, str]:
    if signature is None:
        return {}
    parts = (
        ("input", signature.inputs),
        ("output", signature.outputs),
        ("parameter", signature.params),
    )
    return {
        f"{kind} {shown.name}": _field(kind, shown, at)
        for kind, fields in parts
        for at, shown in enumerate(fields)
    }


def _field(kind: str, shown: Field, at: int) -> str:
    optional = "" if shown.required or kind == "parameter" else ", optional"
    # Callers that send arrays are served in signature order.
    place = "" if kind == "parameter" else f" at {at}"
    return f"{shown.type}{place}{optional}"
