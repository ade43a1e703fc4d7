"""Requests and rollouts on a real governed store: approvals, races, stages that move together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.clock import utc_now
from infra.settings import Settings
from registry.bootstrap import Registry
from registry.domain.reasons import Reason
from registry.domain.records import Ask, Progress, Request, Rollout
from registry.domain.values import Enforcement, RequestKind, RequestState, Stage, Verdict
from registry.errors import GateClosedError, RequestClosedError
from registry.governance.adapters.evidence_file import binding_digest
from registry.metrics import RegistryCollector
from registry.plugin.store import GovernedStore
from registry.views.records import version_view
from tests.support.stores import Databases, Kind

NAME = "credit"
WORSE = Reason("rollout.error_rate", "no more errors", "more errors", "mend the model")


@pytest.fixture
def store(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[GovernedStore]:
    opened = GovernedStore(Settings(storage_root=tmp_path, database_url=databases.new(kind)))
    opened.create_registered_model(NAME)
    yield opened
    opened.registry.engine.dispose()
    opened.engine.dispose()


@pytest.fixture
def registry(store: GovernedStore) -> Registry:
    return store.registry


def register(store: GovernedStore) -> int:
    """Register a version with files of its own and return its number."""
    root = store.registry.gate.settings.storage_root / "models"
    folder = root / str(len(list(root.glob("*"))) if root.exists() else 0)
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(f"flavors: {{}}\n# {folder.name}\n")
    return int(store.create_model_version(NAME, str(folder)).version)


def quarantine(registry: Registry, number: int) -> None:
    record = registry.versions.find_version(NAME, str(number))
    registry.custody.quarantine(record, "MLmodel: missing", "acgs", utc_now())


def ask(registry: Registry, number: int, target: Stage = Stage.PRODUCTION) -> Request:
    version = registry.versions.find_version(NAME, str(number))
    asked = Ask(RequestKind.TRANSITION, version, NAME, target, "ada")
    return registry.gate.open_request(asked, utc_now())


def score(
    registry: Registry,
    request: Request,
    *,
    points: float = 0.97,
    approvals: int = 0,
    reasons: tuple[Reason, ...] = (),
) -> Request:
    """Attach a verdict, as the scorer does, and settle."""
    verdict = Verdict(
        score=points,
        passed=not reasons,
        enforcement=Enforcement.ENFORCE,
        approvals_needed=approvals,
        reasons=reasons,
        manifest_digest=request.manifest_digest,
        constitution_digest=registry.governance.current().constitution_digest,
        evidence_digest=binding_digest(registry.gate.settings, NAME),
        document={"score": points},
    )
    registry.gate.attach_verdict(request.id, verdict, utc_now())
    return registry.gate.settle(request.id, utc_now())


def promote(store: GovernedStore) -> int:
    number = register(store)
    request = score(store.registry, ask(store.registry, number))
    assert request.state is RequestState.GRANTED
    return number


def stages(store: GovernedStore) -> dict[int, str]:
    return {int(v.version): v.current_stage for v in store.search_model_versions()}


def champion(store: GovernedStore) -> int:
    return int(store.get_model_version_by_alias(NAME, "champion").version)


def test_a_second_champion_archives_the_first_in_the_same_move(store: GovernedStore) -> None:
    first, second = promote(store), promote(store)
    assert stages(store) == {first: "Archived", second: "Production"}
    assert champion(store) == second


@pytest.mark.parametrize(
    ("kind_of_ask", "judged_as"),
    [(RequestKind.COPY, "other"), (RequestKind.COPY, NAME), (RequestKind.RENAME, "other")],
)
def test_a_verdict_on_a_copy_or_another_name_is_not_shown_as_the_versions_own(
    store: GovernedStore, kind_of_ask: RequestKind, judged_as: str
) -> None:
    registry, number = store.registry, promote(store)
    record = registry.versions.find_version(NAME, str(number))
    before = store.get_model_version(NAME, number)
    assert before.tags["acgs.verdict"] == "passed for Production"
    asked = Ask(kind_of_ask, record, judged_as, Stage.STAGING, "ada")
    refused = score(
        registry,
        registry.gate.open_request(asked, utc_now()),
        points=0.5,
        reasons=(Reason("fairness", "at most 0.1", "0.3", "retrain"),),
    )
    assert refused.state is RequestState.REFUSED
    after = store.get_model_version(NAME, number)
    assert (after.tags, after.description) == (before.tags, before.description)
    assert (shown := version_view(registry, record)["verdict"])["passed"]
    assert (shown["score"], shown["target"]) == (0.97, "Production")
    assert [card.passed for card in registry.gate.scorecards(record.uid)] == [False, True]
    (champion_score,) = [
        sample.value
        for family in RegistryCollector(registry.engine).collect()
        for sample in family.samples
        if sample.name == "constitutional_compliance_score"
    ]
    assert champion_score == 0.97


def test_a_version_shows_the_verdict_of_a_rename_once_it_bears_the_name(
    store: GovernedStore,
) -> None:
    registry, number = store.registry, promote(store)
    record = registry.versions.find_version(NAME, str(number))
    new_name = f"{NAME}-renamed"
    asked = Ask(RequestKind.RENAME, record, new_name, Stage.PRODUCTION, "ada")
    granted = score(registry, registry.gate.open_request(asked, utc_now()), points=0.8)
    assert granted.state is RequestState.GRANTED
    assert store.get_model_version(NAME, number).tags["acgs.score"] == "0.970"
    store.rename_registered_model(NAME, new_name)
    assert store.get_model_version(new_name, number).tags["acgs.score"] == "0.800"
    assert version_view(registry, registry.versions.version(record.uid))["verdict"]["score"] == 0.8


def test_two_approvals_are_needed_from_two_people(store: GovernedStore) -> None:
    registry = store.registry
    request = score(registry, ask(registry, register(store)), approvals=2)
    assert request.decision["waiting_for"] == "2 approvals"
    for _ in range(2):
        request = registry.approvals.approve(request.id, "ann", "", utc_now())
        assert request.state is RequestState.OPEN
    request = registry.approvals.approve(request.id, "bob", "fine", utc_now())
    assert request.state is RequestState.GRANTED
    with pytest.raises(RequestClosedError, match="found it granted"):
        registry.approvals.approve(request.id, "cid", "", utc_now())


def test_a_rejection_ends_the_request_and_leaves_the_stage(store: GovernedStore) -> None:
    registry = store.registry
    number = register(store)
    request = score(registry, ask(registry, number), approvals=1)
    request = registry.approvals.reject(request.id, "ann", "not now", utc_now())
    assert request.state is RequestState.REFUSED
    assert "not now" in request.decision["reasons"][0]["found"]
    assert stages(store) == {number: "None"}


def test_files_changed_while_people_decide_void_the_approval(store: GovernedStore) -> None:
    registry = store.registry
    number = register(store)
    request = score(registry, ask(registry, number), approvals=1)
    folder = Path(store.get_model_version(NAME, number).source)
    (folder / "MLmodel").write_text("flavors: {other: {}}\n")
    request = registry.approvals.approve(request.id, "ann", "", utc_now())
    assert request.state is RequestState.REFUSED
    assert request.decision["reasons"][0]["rule"] == "artifact.changed"
    assert stages(store) == {number: "None"}


def test_a_cancelled_request_grants_nothing_even_if_a_verdict_comes(store: GovernedStore) -> None:
    registry = store.registry
    request = ask(registry, register(store))
    registry.gate.cancel(request.id, "ada", utc_now())
    assert score(registry, request).state is RequestState.CANCELLED


def test_many_settlers_at_once_end_a_request_once(store: GovernedStore) -> None:
    registry = store.registry
    number = register(store)
    request = score(registry, ask(registry, number), approvals=1)
    approvers = [
        threading.Thread(
            target=registry.approvals.approve, args=(request.id, f"p{n}", "", utc_now())
        )
        for n in range(1)
    ]
    settlers = [
        threading.Thread(target=registry.gate.settle, args=(request.id, utc_now()))
        for _ in range(8)
    ]
    for thread in approvers + settlers:
        thread.start()
    for thread in approvers + settlers:
        thread.join()
    registry.gate.settle(request.id, utc_now())
    types = [event.type for event in registry.audit.events()]
    assert types.count("transition_request.granted") == 1
    assert types.count("model_version.transitioned_stage") == 1
    assert stages(store) == {number: "Production"}


def test_the_audit_trail_cannot_be_changed(registry: Registry) -> None:
    from sqlalchemy import Executable, delete, text, update
    from sqlalchemy.exc import DBAPIError

    from infra.stores.db import transaction
    from registry.adapters import tables

    registry.endpoints.create_endpoint(NAME, "acgs", {}, "ada", utc_now())
    statements: list[Executable] = [update(tables.event).values(actor="eve"), delete(tables.event)]
    if registry.engine.dialect.name == "postgresql":
        statements += [text("TRUNCATE acgs_event"), text("TRUNCATE acgs_scorecard, acgs_event")]
    for statement in statements:
        with (
            pytest.raises(DBAPIError, match="insert-only"),
            transaction(registry.engine) as connection,
        ):
            connection.execute(statement)


# What was judged under one name, or of one version, counts for no other


def rename(store: GovernedStore, new_name: str) -> Request:
    """Rename the model and ask for Production under its new name."""
    store.rename_registered_model(NAME, new_name)
    version = store.registry.versions.find_version(new_name, "1")
    asked = Ask(RequestKind.TRANSITION, version, new_name, Stage.PRODUCTION, "ada")
    return store.registry.gate.open_request(asked, utc_now())


def test_having_served_under_another_name_counts_for_nothing(store: GovernedStore) -> None:
    number = promote(store)
    store.transition_model_version_stage(NAME, number, "Archived", False)
    assert rename(store, "credit-strict").state is RequestState.OPEN


def test_having_been_let_through_unjudged_counts_for_nothing(store: GovernedStore) -> None:
    registry = store.registry
    store.create_registered_model("sandbox-m")
    folder = registry.gate.settings.storage_root / "sandbox"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    store.create_model_version("sandbox-m", str(folder))
    store.transition_model_version_stage("sandbox-m", 1, "Production", False)
    store.transition_model_version_stage("sandbox-m", 1, "Archived", False)
    store.rename_registered_model("sandbox-m", "credit-s")
    version = registry.versions.find_version("credit-s", "1")
    asked = Ask(RequestKind.TRANSITION, version, "credit-s", Stage.PRODUCTION, "ada")
    assert registry.gate.open_request(asked, utc_now()).state is RequestState.OPEN


def test_renaming_ends_what_was_asked_under_the_old_name(store: GovernedStore) -> None:
    registry = store.registry
    old = score(registry, ask(registry, register(store)), approvals=1)
    new = rename(store, "credit-strict")
    assert new.state is RequestState.OPEN
    ended = registry.gate.get_request(old.id)
    assert ended.state is RequestState.REFUSED
    assert ended.name == NAME
    assert ended.decision["reasons"][0]["rule"] == "version.renamed"
    found = store.get_model_version("credit-strict", 1)
    assert found.tags["acgs.version"] == "0.1.0"


def test_an_approval_never_lands_on_a_version_made_anew_under_the_same_number(
    store: GovernedStore,
) -> None:
    registry = store.registry
    request = score(registry, ask(registry, register(store)), approvals=1)
    store.delete_registered_model(NAME)
    assert registry.gate.get_request(request.id).decision["reasons"][0]["rule"] == "version.gone"
    store.create_registered_model(NAME)
    number = register(store)
    with pytest.raises(RequestClosedError, match="found it refused"):
        registry.approvals.approve(request.id, "ann", "", utc_now())
    assert stages(store) == {number: "None"}
    assert registry.versions.find_version(NAME, "1").semver == "0.2.0"


def test_a_version_made_anew_behind_our_back_is_not_the_one_that_was_asked_about(
    store: GovernedStore,
) -> None:
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    registry = store.registry
    number = register(store)
    request = score(registry, ask(registry, number), approvals=1)
    source = store.get_model_version(NAME, number).source
    plain = SqlAlchemyStore(registry.gate.settings.sqlalchemy_url)
    plain.delete_registered_model(NAME)
    plain.create_registered_model(NAME)
    plain.create_model_version(NAME, source)
    request = registry.approvals.approve(request.id, "ann", "", utc_now())
    assert request.state is RequestState.REFUSED
    assert request.decision["reasons"][0]["rule"] == "version.gone"


# Endpoints: the champion changes when a rollout ends, not when it is granted


@pytest.fixture
def served(store: GovernedStore) -> GovernedStore:
    store.registry.endpoints.create_endpoint(NAME, "acgs", {}, "ada", utc_now())
    return store


def only_rollout(registry: Registry) -> Rollout:
    (found,) = registry.rollouts.active_rollouts()
    return found


def roll_out(store: GovernedStore) -> int:
    """Promote a new version and let its rollout succeed, saved on the way as the deployer does."""
    number = promote(store)
    registry = store.registry
    rollout = only_rollout(registry)
    state = {"step": 1, "rollback_reason": "", "rollback_actor": ""}
    registry.rollouts.save_rollout(
        rollout.id, rollout.revision, Progress("progressing", state), utc_now()
    )
    registry.rollouts.complete_rollout(rollout.id, utc_now())
    return number


def test_an_unproven_canary_is_not_what_production_resolves_to(served: GovernedStore) -> None:
    first = roll_out(served)
    second = promote(served)
    assert stages(served) == {first: "Production", second: "Production"}
    (resolved,) = served.get_latest_versions(NAME, ["Production"])
    assert int(resolved.version) == first == champion(served)


def test_success_moves_champion_stage_and_endpoint_together(served: GovernedStore) -> None:
    first, second = roll_out(served), roll_out(served)
    assert stages(served) == {first: "Archived", second: "Production"}
    assert champion(served) == second
    registry = served.registry
    assert (
        registry.endpoints.endpoint(NAME).stable_uid
        == registry.versions.find_version(NAME, str(second)).uid
    )


def test_failure_takes_the_stage_back_and_says_why(served: GovernedStore) -> None:
    first = roll_out(served)
    second = promote(served)
    registry = served.registry
    rollout = only_rollout(registry)
    for _ in range(2):
        registry.rollouts.fail_rollout(rollout.id, [WORSE], utc_now())
    assert stages(served) == {first: "Production", second: "None"}
    assert champion(served) == first
    assert registry.rollouts.rollout(rollout.id).reasons[0]["rule"] == "rollout.error_rate"
    types = [event.type for event in registry.audit.events(name=NAME)]
    assert types.count("rollout.rolled_back") == 1


def test_a_canary_that_was_rolled_back_must_be_judged_again(served: GovernedStore) -> None:
    roll_out(served)
    second = promote(served)
    registry = served.registry
    registry.rollouts.fail_rollout(only_rollout(registry).id, [WORSE], utc_now())
    assert ask(registry, second).state is RequestState.OPEN


def test_a_version_that_served_comes_back_without_a_new_verdict(served: GovernedStore) -> None:
    first = roll_out(served)
    roll_out(served)
    assert ask(served.registry, first).state is RequestState.GRANTED


def test_a_rollback_by_hand_returns_to_the_version_before_then_further(
    served: GovernedStore,
) -> None:
    first, second, third = roll_out(served), roll_out(served), roll_out(served)
    registry = served.registry
    for expected in (second, first):
        rollout = registry.rollbacks.request_rollback(NAME, "ada", "customers complain", utc_now())
        registry.rollouts.complete_rollout(rollout.id, utc_now())
        assert champion(served) == expected
    assert stages(served)[third] == "Archived"
    with pytest.raises(GateClosedError, match=r"rollback\.no_target"):
        registry.rollbacks.request_rollback(NAME, "ada", "still", utc_now())


def test_a_rollback_after_an_old_version_was_promoted_returns_to_what_it_replaced(
    served: GovernedStore,
) -> None:
    first, second = roll_out(served), roll_out(served)
    registry = served.registry
    assert ask(registry, first).state is RequestState.GRANTED
    registry.rollouts.complete_rollout(only_rollout(registry).id, utc_now())
    rollout = registry.rollbacks.request_rollback(NAME, "ada", "worse", utc_now())
    assert registry.versions.version(rollout.candidate_uid).version == second


def test_a_rollback_passes_over_a_quarantined_version(served: GovernedStore) -> None:
    first, second, third = roll_out(served), roll_out(served), roll_out(served)
    registry = served.registry
    quarantine(registry, second)
    way = registry.rollbacks.way_back(NAME)
    assert [(record.version, why.rule) for record, why in way.passed_over] == [
        (second, "artifact.quarantined")
    ]
    rollout = registry.rollbacks.request_rollback(NAME, "ada", "worse", utc_now())
    assert registry.versions.version(rollout.candidate_uid).version == first
    registry.rollouts.complete_rollout(rollout.id, utc_now())
    assert stages(served)[third] == "Archived"


def test_a_rollback_with_nothing_but_quarantined_versions_says_which(
    served: GovernedStore,
) -> None:
    first, _ = roll_out(served), roll_out(served)
    registry = served.registry
    quarantine(registry, first)
    semver = registry.versions.find_version(NAME, str(first)).semver
    with pytest.raises(GateClosedError, match=rf"{semver} quarantined: MLmodel: missing"):
        registry.rollbacks.request_rollback(NAME, "ada", "worse", utc_now())
    assert not registry.rollouts.active_rollouts()


def test_a_rollback_to_files_that_changed_is_refused_by_their_names(served: GovernedStore) -> None:
    first, _ = roll_out(served), roll_out(served)
    registry = served.registry
    source = registry.versions.find_version(NAME, str(first)).source
    (Path(source) / "MLmodel").write_text("flavors: {}\n# evil\n")
    with pytest.raises(GateClosedError, match=r"cannot come back:\n.*MLmodel: content changed"):
        registry.rollbacks.request_rollback(NAME, "ada", "worse", utc_now())
    assert not registry.rollouts.active_rollouts()


def test_a_candidate_quarantined_at_the_last_moment_is_not_promoted(served: GovernedStore) -> None:
    first = roll_out(served)
    second = promote(served)
    registry = served.registry
    rollout = only_rollout(registry)
    quarantine(registry, second)
    with pytest.raises(GateClosedError, match=r"artifact\.quarantined"):
        registry.rollouts.complete_rollout(rollout.id, utc_now())
    assert champion(served) == first
    assert registry.rollouts.rollout(rollout.id).finished_ms is None


def test_a_second_rollback_leaves_the_one_under_way_alone(served: GovernedStore) -> None:
    first, _ = roll_out(served), roll_out(served)
    registry = served.registry
    rollout = registry.rollbacks.request_rollback(NAME, "ada", "worse", utc_now())
    assert registry.rollbacks.request_rollback(NAME, "bob", "worse still", utc_now()) == rollout
    registry.rollouts.complete_rollout(rollout.id, utc_now())
    assert champion(served) == first


def test_the_trail_names_the_person_who_asked_for_a_rollback(served: GovernedStore) -> None:
    roll_out(served)
    promote(served)
    registry = served.registry
    registry.rollbacks.request_rollback(NAME, "ada", "worse", utc_now())
    asked = [e for e in registry.audit.events(name=NAME) if e.type == "rollout.rollback_requested"]
    assert [event.actor for event in asked] == ["ada"]


def test_what_serves_can_be_neither_archived_nor_deleted(served: GovernedStore) -> None:
    from mlflow.exceptions import MlflowException

    number = roll_out(served)
    for act in (
        lambda: served.transition_model_version_stage(NAME, number, "Archived", False),
        lambda: served.transition_model_version_stage(NAME, number, "None", False),
        lambda: served.delete_model_version(NAME, number),
        lambda: served.delete_registered_model(NAME),
    ):
        with pytest.raises(MlflowException, match=r"endpoint\.serves_version"):
            act()


def test_a_new_endpoint_begins_with_the_champion(store: GovernedStore) -> None:
    number = promote(store)
    registry = store.registry
    registry.endpoints.create_endpoint(NAME, "acgs", {}, "ada", utc_now())
    rollout = only_rollout(registry)
    assert registry.versions.version(rollout.candidate_uid).version == number
    registry.rollouts.fail_rollout(rollout.id, [WORSE], utc_now())
    assert stages(store) == {number: "Production"}
    assert champion(store) == number


def test_another_promotion_is_refused_while_a_rollout_is_under_way(
    served: GovernedStore,
) -> None:
    promote(served)
    request = score(served.registry, ask(served.registry, register(served)))
    assert request.state is RequestState.REFUSED
    assert request.decision["reasons"][0]["rule"] == "rollout.in_progress"
