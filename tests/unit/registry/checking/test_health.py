"""What is wrong with a model's versions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.checking.domain.health import examine
from registry.checking.domain.snapshot import Record, Row, Snapshot
from registry.domain.findings import Action, Finding, Severity
from registry.domain.values import Standing


def record(number: int, semver: str, *, deleted: bool = False) -> Record:
    core, _, prerelease = semver.partition("-")
    major, minor, patch = (int(part) for part in core.split("."))
    parts = (major, minor, patch, prerelease or None)
    return Record(f"u{number}", number, number, semver, parts, Standing.ACTIVE, deleted)


def snapshot(*semvers: str) -> Snapshot:
    """A model whose books agree; its last version is champion in Production."""
    records = [record(number, text) for number, text in enumerate(semvers, start=1)]
    last = len(records)
    return Snapshot(
        name="credit",
        records=records,
        rows={n: Row(n, n, "Production" if n == last else "None") for n in range(1, last + 1)},
        stages={f"u{last}": "Production"},
        aliases={"champion": last},
        granted_aliases={"champion": f"u{last}"},
        stable_uid=f"u{last}",
    )


GOOD = snapshot("1.0.0", "1.0.1", "1.1.0-rc.1", "1.1.0-rc.2", "1.1.0", "2.0.0")


def rules(found: Snapshot) -> list[str]:
    return [finding.rule for finding in examine(found)]


def only(found: Snapshot) -> Finding:
    (finding,) = examine(found)
    assert finding.expected != finding.found
    return finding


def test_books_that_agree_are_fine() -> None:
    assert examine(GOOD) == ()
    assert examine(Snapshot("empty", [], {}, {}, {}, {})) == ()


@given(st.integers(1, 6))
def test_a_deleted_version_is_no_gap(number: int) -> None:
    records = [replace(r, deleted=r.number == number) for r in GOOD.records]
    rows = {n: row for n, row in GOOD.rows.items() if n != number}
    found = rules(replace(GOOD, records=records, rows=rows))
    assert "semver.gap" not in found


@pytest.mark.parametrize(
    ("semvers", "expected"),
    [
        (("1.0.0", "1.0.2"), "one bump from 1.0.0"),
        (("1.0.0", "1.2.0"), "one bump from 1.0.0"),
        (("1.0.0-rc.1", "1.0.0-rc.3", "1.0.0"), "1.0.0-rc.2"),
    ],
)
def test_a_number_that_was_never_given_out_is_a_gap(
    semvers: tuple[str, ...], expected: str
) -> None:
    finding = only(snapshot(*semvers))
    assert (finding.rule, finding.expected) == ("semver.gap", expected)
    assert finding.severity is Severity.WARNING


def test_a_number_given_out_twice_is_an_error() -> None:
    assert rules(snapshot("1.0.0", "1.0.0", "1.0.1")) == ["semver.duplicate", "semver.order"]


def test_parts_that_disagree_with_the_text_are_written_anew() -> None:
    records = [*GOOD.records[:-1], replace(GOOD.records[-1], parts=(1, 1, 0, None))]
    finding = only(replace(GOOD, records=records))
    assert finding.step is not None
    assert (finding.rule, finding.step.action) == ("semver.parts", Action.WRITE_PARTS)


def test_a_stage_that_nobody_granted_is_moved_back() -> None:
    finding = only(replace(GOOD, rows={**GOOD.rows, 1: Row(1, 1, "Staging")}))
    assert finding.step is not None
    assert (finding.rule, finding.version) == ("stage.not_granted", 1)
    assert (finding.step.action, finding.step.value) == (Action.MOVE_STAGE, "None")


def test_two_in_production_without_a_rollout_is_one_too_many() -> None:
    rows = {**GOOD.rows, 5: Row(5, 5, "Production")}
    crowded = replace(GOOD, rows=rows, stages={**GOOD.stages, "u5": "Production"})
    finding = only(crowded)
    assert (finding.rule, finding.version) == ("stage.two_in_production", 5)
    assert examine(replace(crowded, in_rollout=frozenset({"u5", "u6"}))) == ()


def test_a_champion_that_nobody_crowned_is_put_right() -> None:
    finding = only(replace(GOOD, aliases={"champion": 1}))
    assert finding.step is not None
    assert (finding.rule, finding.step.number) == ("alias.not_granted", 6)
    gone = only(replace(GOOD, aliases={**GOOD.aliases, "challenger": 2}))
    assert gone.step is not None
    assert gone.step.action is Action.DROP_ALIAS


def test_an_unfit_version_in_a_stage_is_told() -> None:
    yanked = [*GOOD.records[:-1], replace(GOOD.records[-1], standing=Standing.YANKED)]
    assert rules(replace(GOOD, records=yanked)) == ["stage.yanked"]
    assert rules(snapshot("1.0.0-rc.1")) == ["stage.prerelease"]


def test_versions_in_one_book_alone_are_told() -> None:
    without_row = replace(GOOD, rows={n: r for n, r in GOOD.rows.items() if n != 2})
    assert only(without_row).rule == "record.orphan"
    extra = replace(GOOD, rows={**GOOD.rows, 9: Row(9, 9, "None")})
    assert only(extra).rule == "record.missing"
    other = replace(GOOD, rows={**GOOD.rows, 2: Row(2, 99, "None")})
    assert only(other).rule == "record.other_version"


def test_what_a_deleted_version_still_holds_is_told() -> None:
    ghost = record(7, "2.0.1", deleted=True)
    haunted = replace(GOOD, records=[*GOOD.records, ghost], held_by_deleted=frozenset({"u7"}))
    assert only(haunted).rule == "stage.of_deleted"


def test_an_endpoint_that_serves_what_is_not_in_production_is_told() -> None:
    assert only(replace(GOOD, stable_uid="u1")).rule == "endpoint.not_in_production"
