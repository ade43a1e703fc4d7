"""What served at T, told back after each story that an endpoint can live through."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event

from registry.domain.values import Stage
from tests.integration.registry.lineage.world import NOON, World, minute

BEFORE = timedelta(milliseconds=1)


def endpoint(world: World, name: str) -> None:
    world.registry.endpoints.create_endpoint(name, "acgs", {}, "ada", NOON)


def test_in_a_canary_both_versions_served_with_their_weights(world: World, name: str) -> None:
    endpoint(world, name)
    first, second = world.register(name), world.register(name)
    world.serve(first, minute(1))
    world.promote(second, minute(10))
    for percent, at in ((10, 11), (50, 12), (100, 13)):
        world.weigh(name, percent, minute(at))
    world.complete(name, minute(14))
    old, new = first.semver, second.semver
    told = {at: world.traffic(name, minute(at)) for at in (2, 10.5, 11, 11.9, 12, 13, 15)}
    assert told == {
        2: {old: 100},
        10.5: {old: 100},
        11: {old: 90, new: 10},
        11.9: {old: 90, new: 10},
        12: {old: 50, new: 50},
        13: {new: 100},
        15: {new: 100},
    }
    assert world.traffic(name, minute(11) - BEFORE) == {old: 100}
    assert world.held(name, minute(12))["champion"] == [old]
    assert world.held(name, minute(15)) == {
        "champion": [new], "Production": [new], "Archived": [old],
    }  # fmt: skip


def test_after_a_canary_that_failed_the_stable_version_serves_alone_again(
    world: World, name: str
) -> None:
    endpoint(world, name)
    first, second = world.register(name), world.register(name)
    world.serve(first, minute(1))
    world.promote(second, minute(10))
    world.weigh(name, 25, minute(11))
    world.weigh(name, 0, minute(12))
    world.fail(name, minute(12.1))
    assert world.traffic(name, minute(11.5)) == {first.semver: 75, second.semver: 25}
    assert world.traffic(name, minute(12)) == {first.semver: 100}
    assert world.traffic(name, minute(20)) == {first.semver: 100}
    assert world.held(name, minute(11.5))["Production"] == [first.semver, second.semver]
    assert world.held(name, minute(20))["Production"] == [first.semver]


def test_a_rollback_and_a_promotion_of_the_same_version_again_are_three_spans(
    world: World, name: str
) -> None:
    endpoint(world, name)
    first, second = world.register(name), world.register(name)
    world.serve(first, minute(1))
    world.serve(second, minute(10))
    world.registry.rollbacks.request_rollback(name, "ada", "customers complain", minute(20))
    world.weigh(name, 100, minute(21))
    world.complete(name, minute(21.1))
    world.serve(second, minute(30))
    told = [world.traffic(name, minute(at)) for at in (5, 15, 20.5, 25, 35)]
    one, two = {first.semver: 100}, {second.semver: 100}
    assert told == [one, two, two, one, two]
    impact = world.lineage.impact(f"run:{second.run_id}")
    spans = [(t.from_ms, t.to_ms) for t in impact.tenures]
    assert [int(minute(at).timestamp() * 1000) for at in (10, 21)] == list(spans[0])
    assert spans[1] == (int(minute(30).timestamp() * 1000), None)


def test_a_blue_green_switch_is_one_moment(world: World, name: str) -> None:
    endpoint(world, name)
    first, second = world.register(name), world.register(name)
    world.serve(first, minute(1))
    world.promote(second, minute(10))
    world.weigh(name, 0, minute(11))
    world.weigh(name, 100, minute(12))
    assert world.traffic(name, minute(12) - BEFORE) == {first.semver: 100}
    assert world.traffic(name, minute(12)) == {second.semver: 100}


def test_without_an_endpoint_the_champion_and_the_stages_are_told(world: World, name: str) -> None:
    first, second = world.register(name), world.register(name)
    world.promote(first, minute(1))
    world.promote(second, minute(10))
    world.registry.blockers.retire(second, Stage.ARCHIVED, "ada", minute(20))
    assert world.traffic(name, minute(5)) == {}
    assert world.held(name, minute(5)) == {
        "champion": [first.semver], "Production": [first.semver]
    }  # fmt: skip
    assert world.held(name, minute(15))["champion"] == [second.semver]
    assert world.held(name, minute(25)) == {"Archived": [first.semver, second.semver]}


def test_a_failed_first_rollout_leaves_nothing_that_serves(world: World, name: str) -> None:
    endpoint(world, name)
    world.promote(world.register(name), minute(1))
    world.fail(name, minute(2))
    assert world.lineage.served(name, minute(0.5)) == []
    assert world.lineage.served(name, minute(3)) == []


def test_a_renamed_model_is_known_under_the_name_it_had_then(world: World) -> None:
    name, new_name = world.name(), f"{world.name()}-new"
    version = world.register(name)
    world.promote(version, minute(1))
    with world.registry.engine.begin() as connection:
        world.registry.whole_models.mark_renamed(
            connection, name, new_name, "ada", 2_000_000_000_000
        )
    at = minute(0) + timedelta(milliseconds=2_000_000_000_000 - minute(0).timestamp() * 1000)
    assert world.held(name, minute(5))["champion"] == [version.semver]
    assert world.held(new_name, at)["champion"] == [version.semver]
    assert world.lineage.served(name, at) == []
    assert world.lineage.served(new_name, minute(5)) == []


def test_a_name_that_is_used_again_keeps_what_was_apart(world: World, name: str) -> None:
    first = world.register(name)
    world.promote(first, minute(1))
    world.registry.blockers.retire(first, Stage.ARCHIVED, "ada", minute(2))
    world.store.delete_registered_model(name)
    world.store.create_registered_model(name)
    second = world.register(name)
    assert (second.version, second.predecessor_uid) == (1, first.uid)
    world.promote(second, minute(10))
    (held,) = (t for t in world.lineage.served(name, minute(1.5)) if t.slot == "champion")
    assert held.version_uid == first.uid
    assert world.held(name, minute(11))["champion"] == [second.semver]


def test_the_answer_takes_one_query(world: World, name: str) -> None:
    endpoint(world, name)
    world.serve(world.register(name), minute(1))
    told: list[str] = []
    engine = world.registry.engine

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        told.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        world.lineage.served(name, minute(2))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len([text for text in told if text.startswith("SELECT")]) == 1
