"""Up, down and blast radius over real MLflow runs, datasets and logged models."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from registry.lineage.domain.graph import Graph, Kind
from registry.lineage.errors import OriginUnclearError, UnknownOriginError
from registry.lineage.walk import Reach
from tests.integration.registry.lineage.world import NOON, World, minute

README = Path(__file__).parents[4] / "README.md"
COMMIT = "c0ffee" + "0" * 34


def digest() -> str:
    return uuid.uuid4().hex[:8]


def kinds(graph: Graph) -> dict[Kind, int]:
    found: dict[Kind, int] = {}
    for node in graph.nodes:
        found[node.kind] = found.get(node.kind, 0) + 1
    return found


def test_a_version_is_traced_up_to_its_data_and_down_to_its_endpoint(
    world: World, name: str
) -> None:
    world.registry.endpoints.create_endpoint(name, "acgs", {}, "ada", NOON)
    run = world.run(("train", digest(), "training"), commit=COMMIT)
    version = world.register(name, run)
    world.promote(version, minute(1), approver="bob")
    world.complete(name, minute(2))
    found = world.lineage.of_version(name, None, up=Reach(), down=Reach())
    assert kinds(found.graph) == dict.fromkeys(Kind, 1)
    up = {node.kind for node in found.graph.up(found.start)}
    assert up == {Kind.DATASET, Kind.COMMIT, Kind.RUN, Kind.MODEL}
    assert {edge.relation.value for edge in found.graph.edges} == {
        "trained", "ran in", "logged", "registered as", "asked", "judged", "signed", "led to",
        "served on",
    }  # fmt: skip
    assert Graph.parse(found.graph.document()) == found.graph


def test_a_bad_dataset_is_followed_into_every_endpoint_that_runs_or_ran_it(world: World) -> None:
    bad, name, other = digest(), world.name(), world.name()
    for model in (name, other):
        world.registry.endpoints.create_endpoint(model, "acgs", {}, "ada", NOON)
    first = world.register(name, world.run(("train", bad, "training")))
    good = world.register(name, world.run(("train", digest(), "training")))
    second = world.register(other, world.run(("train", bad, "")))
    only_evaluated = world.register(other, world.run(("train", bad, "eval")))
    for version, at in ((first, 1), (good, 2), (second, 3)):
        world.serve(version, minute(at))
    found = world.lineage.impact(f"dataset:train@{bad}")
    uids = {node.id.key for node in found.versions}
    assert uids == {first.uid, second.uid}
    assert only_evaluated.uid not in uids
    assert found.evaluated_only == 1
    assert [(t.name, t.semver) for t in found.serving] == [(other, second.semver)]
    assert [t.name for t in found.tenures if t.to_ms is not None] == [name]


def test_a_fault_goes_through_parent_runs_used_models_and_copies(world: World) -> None:
    bad, name, target = digest(), world.name(), world.name()
    parent = world.run(("train", bad, "training"))
    child = world.run(parent=parent)
    base = world.model(child)
    tuned = world.register(name, world.run(uses=base))
    copy = world.register(target, child, base)
    found = world.lineage.impact(f"dataset:train@{bad}")
    assert {node.id.key for node in found.versions} == {tuned.uid, copy.uid}
    assert world.lineage.impact(f"model:{base}").versions == found.versions
    assert world.lineage.impact(f"run:{parent}").versions == found.versions


def test_a_successor_is_shown_but_inherits_no_fault(world: World, name: str) -> None:
    first = world.register(name, world.run(commit=COMMIT[::-1].replace("0", "1")))
    second = world.register(name)
    third = world.register(name)
    up = world.lineage.of_version(name, third.semver, up=Reach()).graph
    assert {n.key for n in up.nodes if n.kind is Kind.VERSION} == {second.uid, third.uid}
    all_before = world.lineage.of_version(name, third.semver, up=Reach(history=True)).graph
    assert first.uid in {node.key for node in all_before.nodes}
    assert [n.id.key for n in world.lineage.impact(f"run:{first.run_id}").versions] == [first.uid]


def test_runs_that_claim_to_be_each_others_parent_are_no_endless_walk(
    world: World, name: str
) -> None:
    from mlflow.entities import RunTag

    one = world.run()
    two = world.run(parent=one)
    world.tracking.set_tag(one, RunTag("mlflow.parentRunId", two))
    world.tracking.set_tag(two, RunTag("mlflow.parentRunId", one))
    version = world.register(name, two)
    graph = world.lineage.of_version(name, version.semver, up=Reach(), down=Reach()).graph
    assert kinds(graph)[Kind.RUN] == 2
    assert not any(node in graph.up(node) for node in graph.nodes)


def test_a_deleted_run_or_version_is_still_told(world: World, name: str) -> None:
    version = world.register(name)
    world.tracking.delete_run(str(version.run_id))
    before = world.register(name)
    world.store.delete_model_version(name, version.version)
    graph = world.lineage.of_version(name, before.semver, up=Reach()).graph
    (gone,) = (n for n in graph.nodes.values() if n.id.key == version.uid)
    assert gone.facts["stage"] == "deleted"
    assert not gone.page
    found = world.lineage.impact(f"run:{version.run_id}")
    assert found.origin.facts["note"] == "deleted"


@pytest.mark.parametrize(
    ("origin", "error", "words"),
    [
        ("train", OriginUnclearError, "expected dataset:NAME@DIGEST"),
        ("dataset:", OriginUnclearError, "expected dataset:NAME@DIGEST"),
        ("dataset:nowhere", OriginUnclearError, "with its digest"),
        ("dataset:nowhere@", OriginUnclearError, "with its digest"),
        ("dataset:nowhere@abc", UnknownOriginError, "no run has a dataset nowhere"),
        ("commit:xyz", OriginUnclearError, "hex digits"),
        ("commit:abcdef12", UnknownOriginError, "expected a commit"),
        ("run:nothing", UnknownOriginError, "expected a run nothing"),
        ("model:m-1", UnknownOriginError, "expected a logged model"),
        ("endpoint:x", OriginUnclearError, "expected dataset:NAME@DIGEST"),
    ],
)
def test_what_cannot_be_found_is_told(
    world: World, origin: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        world.lineage.impact(origin)


def test_a_dataset_without_its_digest_is_answered_with_those_there_are(world: World) -> None:
    data, known = f"train-{digest()}", digest()
    world.run((data, known, "training"))
    with pytest.raises(OriginUnclearError, match=f"known digests: {known}"):
        world.lineage.impact(f"dataset:{data}")


def test_a_dataset_may_have_an_at_sign_in_its_name(world: World, name: str) -> None:
    data, known = f"team@{digest()}@eu", digest()
    version = world.register(name, world.run((data, known, "training")))
    found = world.lineage.impact(f"dataset:{data}@{known}")
    assert [node.id.key for node in found.versions] == [version.uid]
    assert found.origin.label == data
    for text in (data, f"{data}@"):
        with pytest.raises(OriginUnclearError, match=f"known digests: {known}"):
            world.lineage.impact(f"dataset:{text}")
    with pytest.raises(UnknownOriginError, match=f"known digests: {known}"):
        world.lineage.impact(f"dataset:{data}@other")


@pytest.mark.parametrize("beginning", ["9aee", "sha256:9aee", "9aeefd63", "sha256:9aeefd63@x"])
def test_a_dataset_is_found_by_the_beginning_of_its_digest(
    world: World, name: str, beginning: str
) -> None:
    data = f"d-{uuid.uuid4().hex}"
    version = world.register(name, world.run((data, "sha256:9aeefd63@x-more", "training")))
    found = world.lineage.impact(f"dataset:{data}@{beginning}")
    assert [node.id.key for node in found.versions] == [version.uid]
    assert "dataset:credit@9aee " in README.read_text("utf-8"), "the form that it shows"
    with pytest.raises(UnknownOriginError, match="known digests: sha256:9aeefd63"):
        world.lineage.impact(f"dataset:{data}@9ae")
    world.run((data, "sha256:9aeefd63@x-other", ""))
    with pytest.raises(OriginUnclearError, match=r"9aeefd63@x-more, sha256:9aeefd63@x-other"):
        world.lineage.impact(f"dataset:{data}@{beginning}")


def test_a_commit_is_found_by_its_beginning_unless_several_begin_so(
    world: World, name: str
) -> None:
    start = uuid.uuid4().hex[:10]
    commits = [start + end * 30 for end in ("a", "b")]
    one, two = (world.register(name, world.run(commit=commit)) for commit in commits)
    found = world.lineage.impact(f"commit:{commits[0][:20]}")
    assert [node.id.key for node in found.versions] == [one.uid]
    with pytest.raises(OriginUnclearError, match="several"):
        world.lineage.impact(f"commit:{start}")
    assert two.uid not in {node.id.key for node in found.versions}


def test_completeness_counts_what_is_known_and_says_how_to_add_the_rest(
    world: World, name: str
) -> None:
    bare = world.register(name)
    found = world.lineage.completeness(bare)
    assert [part.name for part in found.missing] == ["dataset digest", "git commit", "signature"]
    assert found.share == 0.5
    full = world.register(name, world.run(("train", digest(), ""), commit=COMMIT))
    assert [part.name for part in world.lineage.completeness(full).missing] == ["signature"]
