"""The tags on PostgreSQL: several processes, one repository, nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from registry.domain.values import Stage
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.support.gto import shown
from tests.support.stores import Databases, Kind


def test_several_processes_follow_one_registry_and_gto_agrees(
    tmp_path: Path, databases: Databases
) -> None:
    repository = kit.bare(tmp_path / "models.git")
    desk = Desk(tmp_path / "root", repository, url=databases.new(Kind.POSTGRES))
    for _ in range(10):
        desk.move(desk.register(), Stage.STAGING)
    desk.rename(kit.NAME, "credit-eu")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: desk.tags.sync(desk.now), range(4)))
    assert [one.error for one in done] == [None] * 4
    desk.sync()
    assert sum(one.events for one in done) == 21
    assert shown(repository, "credit-eu") == {f"v1.0.{n}": ["staging"] for n in range(10)}
    assert len(kit.tags(repository)) == 10 * 2 + 10 * 2 + 1 + 10 * 2
    kit.git(repository, "tag", "-d", "credit-eu@v1.0.0")
    assert [one.kind for one in desk.sync().tampered] == ["tag_deleted"]
    assert desk.sync(repair=True).tampered == []
    assert desk.status.findings == ()
    desk.engine.dispose()
