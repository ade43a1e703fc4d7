"""Which number a version gets from the governed store, whatever its author asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from registry.domain.values import SignatureOrigin
from registry.errors import GateClosedError, UnknownVersionError
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import GROWN, NAME, OTHER, SMALL, Shelf
from tests.support.plain_mlflow import Version, fill
from tests.support.stores import Databases, Kind


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return kit.opened(tmp_path)


def test_release_candidates_count_up_and_end_in_their_release(shelf: Shelf) -> None:
    rc = {"version_prerelease": "rc"}
    assert shelf.register().semver == "1.0.0"
    assert shelf.register(GROWN, **rc).semver == "1.1.0-rc.1"
    second = shelf.register(GROWN, **rc)
    assert (second.semver, second.prerelease, second.requested) == (
        "1.1.0-rc.2",
        "rc.2",
        "prerelease=rc",
    )
    assert shelf.register(GROWN).semver == "1.1.0"


def test_a_candidate_is_released_once_and_not_after_it_was_superseded(shelf: Shelf) -> None:
    registry = shelf.store.registry
    shelf.register()
    candidate = shelf.register(GROWN, version_prerelease="rc")
    assert registry.versions.released_as(candidate) is None
    release = shelf.register(source=candidate.source)
    assert release.semver == "1.1.0"
    assert registry.versions.released_as(candidate) == release
    stale = shelf.register(GROWN, version_prerelease="rc")
    shelf.register(OTHER)
    with pytest.raises(GateClosedError, match=r"release\.superseded"):
        registry.versions.released_as(stale)


def test_what_has_no_number_yet_is_said_to_wait_for_the_back_fill(shelf: Shelf) -> None:
    fill(shelf.store.engine, [Version("observed-old", 1, "/models/nowhere")])
    registry = shelf.store.registry
    with pytest.raises(UnknownVersionError, match="what plain MLflow registered") as told:
        registry.versions.version_page("observed-old", limit=10)
    assert told.value.hint == "acgs adoption status says how far numbering them is"
    with pytest.raises(UnknownVersionError, match="what plain MLflow registered"):
        registry.versions.find_version("observed-old", "1.0.0")


def test_a_deleted_number_is_not_used_again(shelf: Shelf) -> None:
    shelf.register()
    for expected in ("1.0.1-rc.1", "1.0.1-rc.2"):
        version = shelf.register(version_prerelease="rc")
        assert version.semver == expected
        shelf.store.delete_model_version(NAME, version.version)
    last = shelf.register(OTHER)
    assert last.semver == "2.0.0"
    shelf.store.delete_model_version(NAME, last.version)
    assert shelf.register(OTHER).semver == "2.0.1"


def test_a_lower_bump_is_refused_and_nothing_is_registered(shelf: Shelf) -> None:
    shelf.register()
    with pytest.raises(MlflowException, match="at least a major bump") as caught:
        shelf.register(OTHER, version_bump="minor")
    assert caught.value.error_code == "PERMISSION_DENIED"
    assert [v.version for v in shelf.store.search_model_versions(f"name = '{NAME}'")] == [1]
    assert shelf.register(OTHER, version_bump="major").semver == "2.0.0"


def test_a_tag_that_cannot_be_meant_is_a_usage_error(shelf: Shelf) -> None:
    with pytest.raises(MlflowException, match="major, minor, patch or none") as caught:
        shelf.register(version_bump="huge")
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_tags_of_the_run_and_of_the_logged_model_count_too(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = f"sqlite:///{shelf.root / 'registry.db'}"
    # MLflow's store finds logged models through the process's own tracking URI, which a test
    # before this one may have set.
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", tracking)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    client = MlflowClient(tracking)
    experiment = client.create_experiment("wishes", str(shelf.root / "artifacts"))
    run = client.create_run(experiment, tags={"version.bump": "major"})
    shelf.register()
    store = shelf.store
    of_run = store.create_model_version(NAME, shelf.model(), run_id=run.info.run_id)
    assert shelf.record(of_run.version).semver == "2.0.0"

    logged = client.create_logged_model(
        experiment, source_run_id=run.info.run_id, tags={"version.bump": "minor"}
    )
    folder = Path(str(logged.artifact_location).removeprefix("file://"))
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text((Path(shelf.model()) / "MLmodel").read_text())
    of_model = store.create_model_version(
        NAME, f"models:/{logged.model_id}", run_id=run.info.run_id, model_id=logged.model_id
    )
    assert shelf.record(of_model.version).semver == "2.1.0"


def test_what_was_asked_for_the_original_is_not_asked_for_its_copy(shelf: Shelf) -> None:
    other = "observed-copy"
    shelf.register(name=other)
    shelf.register(name=other)
    original = shelf.register(version_bump="major", version_prerelease="rc")
    assert original.semver == "1.0.0-rc.1"
    tags = shelf.store.get_model_version(NAME, "1").tags
    source = f"models:/{NAME}/1"
    inherited = {key.replace(".", "_"): value for key, value in tags.items() if "acgs" not in key}
    assert shelf.register(name=other, source=source, **inherited).semver == "1.0.2"


def test_a_signature_that_is_gone_is_inferred_from_the_input_example(shelf: Shelf) -> None:
    shelf.register(SMALL)
    info = {"artifact_path": "input_example.json", "type": "dataframe", "pandas_orient": "split"}
    folder = shelf.model(None, saved_input_example_info=info)
    Path(folder, "input_example.json").write_text(json.dumps({"columns": ["a"], "data": [[0.5]]}))
    inferred = shelf.register(source=folder)
    assert inferred.semver == "1.0.1"
    assert "inferred from the input example" in inferred.reason
    assert inferred.signature_origin is SignatureOrigin.INFERRED

    gone = shelf.register(None)
    assert gone.semver == "2.0.0"
    assert "gone" in gone.reason
    assert "no input example" in gone.reason


def test_a_version_that_plain_mlflow_registered_is_numbered_whatever_it_asks(
    shelf: Shelf,
) -> None:
    shelf.register()
    plain = MlflowClient(registry_uri=f"sqlite:///{shelf.root / 'registry.db'}")
    version = plain.create_model_version(NAME, shelf.model(OTHER), tags={"version.bump": "patch"})
    adopted = shelf.store.registry.takeover.adopt(NAME, int(version.version), "test")
    assert adopted.semver == "2.0.0"
    assert "what its author asked for was refused" in adopted.reason


def test_postgresql_numbers_alike(databases: Databases, tmp_path: Path) -> None:
    shelf = kit.opened(tmp_path, databases.new(Kind.POSTGRES))
    rc = {"version_prerelease": "rc"}
    steps = [shelf.register(), shelf.register(GROWN, **rc), shelf.register(OTHER, **rc)]
    steps += [shelf.register(OTHER, **rc), shelf.register(GROWN), shelf.register(None)]
    assert [step.semver for step in steps] == [
        "1.0.0",
        "1.1.0-rc.1",
        "2.0.0-rc.1",
        "2.0.0-rc.2",
        "2.0.0",
        "3.0.0",
    ]
