"""Checks that a model's semantic versions are unique, in order and without gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from semver import Version

from registry.checking.domain.snapshot import Record, Snapshot
from registry.domain.findings import Action, Finding, Severity, Step
from registry.versions.domain.semver import is_semver


def numbers(snapshot: Snapshot) -> Iterator[Finding]:
    """Check semantic versions: unique, ordered, without gaps, parts as the text says."""
    name = snapshot.name
    seen: dict[str, Record] = {}
    for record in sorted(snapshot.records, key=lambda r: (r.created_ms, r.number)):
        before = seen.setdefault(record.semver, record)
        if before is not record:
            both = not (before.deleted or record.deleted)
            yield Finding(
                "semver.duplicate",
                Severity.ERROR if both else Severity.WARNING,
                name,
                record.number,
                f"{record.semver} once",
                f"it names versions {before.number} and {record.number}",
                "register one of them again: an assigned number never changes",
            )
        if not is_semver(record.semver) or record.parts != _parts(record.semver):
            yield _parts_differ(name, record)
    yield from _order(snapshot)
    yield from _gaps(name, {record.semver for record in snapshot.records})


def _parts(text: str) -> tuple[int, int, int, str | None]:
    version = Version.parse(text)
    return version.major, version.minor, version.patch, version.prerelease


def _parts_differ(name: str, record: Record) -> Finding:
    readable = is_semver(record.semver)
    return Finding(
        "semver.parts",
        Severity.ERROR,
        name,
        record.number,
        f"the parts of {record.semver}" if readable else "a semantic version",
        str(record.parts) if readable else repr(record.semver[:40]),
        "rewrite the parts" if readable else "restore the record from a backup",
        Step(Action.WRITE_PARTS, record.number, uid=record.uid) if readable else None,
    )


def _order(snapshot: Snapshot) -> Iterator[Finding]:
    live = [record for _, record in sorted(snapshot.live.items()) if is_semver(record.semver)]
    for before, after in pairwise(live):
        if Version.parse(after.semver) <= Version.parse(before.semver):
            yield Finding(
                "semver.order",
                Severity.WARNING,
                snapshot.name,
                after.number,
                f"a version above {before.semver}",
                after.semver,
                "none needed: the next version is above both",
            )


def _gaps(name: str, known: Iterable[str]) -> Iterator[Finding]:
    versions = sorted(Version.parse(text) for text in known if is_semver(text))
    releases = [version for version in versions if version.prerelease is None]
    for before, after in pairwise(releases):
        if after not in {before.bump_major(), before.bump_minor(), before.bump_patch()}:
            yield _gap(name, f"one bump from {before}", str(after))
    labels: dict[tuple[Version, str], list[int]] = {}
    for version in versions:
        label, _, number = (version.prerelease or "").rpartition(".")
        if number.isdigit():
            labels.setdefault((version.finalize_version(), label), []).append(int(number))
    for (core, label), found in labels.items():
        for missing in sorted(set(range(1, max(found))) - set(found)):
            yield _gap(name, f"{core}-{label}.{missing}", f"{core}-{label}.{max(found)} without it")


def _gap(name: str, expected: str, found: str) -> Finding:
    fix = "restore the missing record from a backup, if it was not removed on purpose"
    return Finding("semver.gap", Severity.WARNING, name, None, expected, found, fix)
