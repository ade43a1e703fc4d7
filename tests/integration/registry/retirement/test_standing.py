"""Deprecating, yanking and restoring: what each lets through, and what it tells."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from mlflow.exceptions import MlflowException

from infra.errors import PlatformError, UsageError
from registry.domain.findings import Severity
from registry.domain.records import VersionRecord
from registry.domain.values import Stage, Standing
from registry.errors import GateClosedError, UnknownVersionError
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import GROWN, NAME, SMALL, Shelf
from tests.support.stores import Databases, Kind

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return kit.opened(tmp_path)


def yank(shelf: Shelf, version: VersionRecord, why: str = "leaks the label") -> VersionRecord:
    return shelf.store.registry.standings.yank(version.uid, "ann@cli", why, NOW)


def to(shelf: Shelf, version: VersionRecord, stage: str) -> str:
    moved = shelf.store.transition_model_version_stage(NAME, version.version, stage, False)
    return str(moved.current_stage)


def test_a_yanked_version_is_refused_for_every_stage_and_alias(shelf: Shelf) -> None:
    version = yank(shelf, shelf.register())
    assert (version.standing, version.standing_actor) == (Standing.YANKED, "ann@cli")
    for stage in ("Staging", "Production"):
        with pytest.raises(MlflowException, match=r"version\.yanked: .*leaks the label"):
            to(shelf, version, stage)
    for alias in ("champion", "challenger"):
        with pytest.raises(MlflowException, match=r"version\.yanked"):
            shelf.store.set_registered_model_alias(NAME, alias, version.version)


def test_a_yanked_version_is_shown_so_in_mlflow_until_it_is_restored(shelf: Shelf) -> None:
    version = yank(shelf, shelf.register())
    seen = shelf.store.get_model_version(NAME, version.version)
    assert seen.tags["acgs.standing"] == "yanked: leaks the label"
    assert "**yanked**: leaks the label" in seen.description
    restored = shelf.store.registry.standings.restore(version.uid, "bob@cli", "it did not", NOW)
    assert restored.standing is Standing.ACTIVE
    seen = shelf.store.get_model_version(NAME, version.version)
    assert "acgs.standing" not in seen.tags
    assert "yanked" not in seen.description
    assert to(shelf, version, "Production") == "Production"


def test_what_serves_cannot_be_yanked_and_the_way_out_is_told(shelf: Shelf) -> None:
    version = shelf.register()
    to(shelf, version, "Production")
    with pytest.raises(GateClosedError, match="in Production") as caught:
        yank(shelf, version)
    assert "acgs rollback" in str(caught.value.hint)
    with pytest.raises(GateClosedError, match="in Production"):
        shelf.store.registry.standings.check_change(version, Standing.YANKED)
    assert shelf.record(version.version).standing is Standing.ACTIVE


def test_yanking_takes_a_version_out_of_staging_and_off_its_alias(shelf: Shelf) -> None:
    version = shelf.register()
    shelf.store.set_registered_model_alias(NAME, "challenger", version.version)
    yank(shelf, version)
    position = shelf.store.registry.stages.position(version.uid)
    assert (position.stage, position.aliases) == (Stage.ARCHIVED, ())


def test_an_exact_number_still_resolves_and_warns(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    version = yank(shelf, shelf.register())
    assert shelf.store.get_latest_versions(NAME, ["1.0.0"])[0].version == version.version
    assert "is yanked: leaks the label" in caplog.text
    caplog.clear()
    assert shelf.store.get_model_version_by_alias(NAME, "1.0.0").version == version.version
    assert "is yanked" in caplog.text


def test_latest_and_ranges_pick_neither_pre_releases_nor_yanked_ones(shelf: Shelf) -> None:
    first = shelf.register()
    second = shelf.register(GROWN)
    third = shelf.register(GROWN)
    rc = shelf.register(SMALL, version_prerelease="rc")
    store, registry = shelf.store, shelf.store.registry
    assert rc.semver == "2.0.0-rc.1"
    assert [v.version for v in store.get_latest_versions(NAME)] == [third.version]
    assert registry.versions.find_version(NAME, "latest").semver == "1.1.1"
    yank(shelf, third)
    assert [v.version for v in store.get_latest_versions(NAME)] == [second.version]
    assert [v.version for v in store.get_latest_versions(NAME, ["1.x"])] == [second.version]
    assert registry.versions.find_version(NAME, "1.0.x").uid == first.uid
    assert registry.versions.find_version(NAME, "2.0.0-rc.1").uid == rc.uid
    with pytest.raises(UnknownVersionError, match=r"no version 2\.x"):
        registry.versions.find_version(NAME, "2.x")


def test_latest_of_a_model_that_only_has_pre_releases_is_nothing(shelf: Shelf) -> None:
    shelf.register(version_prerelease="rc")
    assert shelf.store.get_latest_versions(NAME) == []


def test_a_pre_release_reaches_staging_but_not_production(shelf: Shelf) -> None:
    rc = shelf.register(version_prerelease="rc")
    assert to(shelf, rc, "Staging") == "Staging"
    with pytest.raises(MlflowException, match=r"version\.prerelease: expected a release"):
        to(shelf, rc, "Production")
    assert shelf.store.get_latest_versions(NAME, ["Staging"])[0].version == rc.version
    release = shelf.register(source=rc.source)
    assert release.semver == "1.0.0"
    assert release.manifest_digest == rc.manifest_digest
    assert to(shelf, release, "Production") == "Production"


def test_a_deprecated_version_is_granted_with_a_warning(shelf: Shelf) -> None:
    version = shelf.register()
    registry = shelf.store.registry
    registry.standings.deprecate(version.uid, "ann@cli", "use 2.x", NOW)
    assert to(shelf, version, "Staging") == "Staging"
    decision = registry.gate.requests(NAME)[-1].decision
    assert [w["rule"] for w in decision["warnings"]] == ["version.deprecated"]
    assert "use 2.x" in decision["warnings"][0]["found"]


def test_each_change_is_in_the_audit_trail_once(shelf: Shelf) -> None:
    version = shelf.register()
    registry = shelf.store.registry
    for _ in range(2):
        registry.standings.deprecate(version.uid, "ann@cli", "old", NOW)
    for _ in range(2):
        yank(shelf, version)
    with pytest.raises(GateClosedError, match="restore it first"):
        registry.standings.deprecate(version.uid, "ann@cli", "old", NOW)
    for _ in range(2):
        registry.standings.restore(version.uid, "bob@cli", "fine", NOW)
    told = [(e.type, e.actor, e.data["reason"]) for e in registry.audit.events(name=NAME)[1:]]
    assert told == [
        ("model_version.deprecated", "ann@cli", "old"),
        ("model_version.yanked", "ann@cli", "leaks the label"),
        ("model_version.restored", "bob@cli", "fine"),
    ]


@pytest.mark.parametrize("reason", ["", " \n", "x" * 501, "a\x00b", "a‮b"])
def test_a_reason_is_a_line_that_can_be_shown(shelf: Shelf, reason: str) -> None:
    version = shelf.register()
    with pytest.raises(UsageError):
        yank(shelf, version, reason)
    assert shelf.record(version.version).standing is Standing.ACTIVE


def test_a_reason_of_several_lines_is_kept_as_one(shelf: Shelf) -> None:
    version = shelf.register()
    assert yank(shelf, version, "broken\n  since May").standing_reason == "broken since May"


def test_a_reason_at_its_limit_and_in_any_script_is_kept(shelf: Shelf) -> None:
    version = shelf.register()
    told = ("Größe 尺寸 🙂 " + "x" * 500)[:500]
    assert yank(shelf, version, f"  {told}\n").standing_reason == told
    assert told in shelf.store.get_model_version(NAME, version.version).description


def test_a_yank_and_a_promotion_at_once_never_both_win(
    databases: Databases, tmp_path: Path
) -> None:
    shelf = kit.opened(tmp_path, databases.new(Kind.POSTGRES))
    registry = shelf.store.registry
    for _ in range(8):
        version = shelf.register()
        start = Barrier(2)

        def promote(version: VersionRecord = version, start: Barrier = start) -> None:
            start.wait()
            with suppress(MlflowException):
                to(shelf, version, "Staging")

        def withdraw(version: VersionRecord = version, start: Barrier = start) -> None:
            start.wait()
            with suppress(PlatformError):
                yank(shelf, version)

        with ThreadPoolExecutor(2) as pool:
            for future in (pool.submit(promote), pool.submit(withdraw)):
                future.result()
        found, stage = shelf.record(version.version), registry.stages.position(version.uid).stage
        assert not (found.standing is Standing.YANKED and stage is Stage.STAGING)
    assert not [f for f in registry.checking.check_versions(NAME) if f.severity is Severity.ERROR]
