"""What MLflow's server writes and deletes by itself is no way to a registered version's files."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from mlflow.demo.base import DEMO_EXPERIMENT_NAME
from sqlalchemy import create_engine, text

from pipelines.steps.models import Recipe
from tests.support.credit import Registered, content, place, register, saved, store, unique
from tests.support.platform import Platform

PROMPT_LAB = "/ajax-api/2.0/mlflow/runs/create-promptlab-run"
EXPERIMENTS = "/api/2.0/mlflow/experiments"
PROXY_ROUTE = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def credit(platform: Platform) -> Registered:
    return register(platform, unique("credit"))


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=platform.url, trust_env=False, timeout=60) as client:
        yield client


def prompt_run(experiment: object, **fields: object) -> dict[str, object]:
    return {
        "experiment_id": experiment, "prompt_template": "a {{b}}", "model_route": "m",
        "prompt_parameters": [{"key": "b", "value": "c"}], "model_input": "q",
        "model_output": "o", "mlflow_version": "3.0", **fields,
    }  # fmt: skip


def locations(platform: Platform, version: Registered) -> list[str]:
    """Places at which the server would write into a version's folder."""
    inside, folder = place(version), platform.root / "artifacts" / place(version)
    run = inside.rpartition("/")[0]
    return [
        f"mlflow-artifacts:/{inside}",
        f"mlflow-artifacts://any.example/{inside}/deeper",
        f"mlflow-artifacts:/{run}/x/../{inside.rpartition('/')[2]}",
        f"mlflow-artifacts:/{inside.replace('/', '//')}/",
        f"http://any.example{PROXY_ROUTE}/{inside}",
        # MLflow reads what is between the two routes, and adds no folder of the run's.
        f"http://any.example{PROXY_ROUTE}/{run}{PROXY_ROUTE}/x",
        folder.as_uri(),
        str(folder),
        f"/proc/self/root{folder}",
        f"/proc/thread-self/root{folder}/deeper",
        f"file:///proc/self/root{folder}",
        f"file:/proc/self/root{folder}",
        f"/proc/self/root/proc/self/root/{folder}",
    ]


def test_no_experiment_may_keep_its_files_in_a_registered_folder(
    platform: Platform, http: httpx.Client, credit: Registered
) -> None:
    for location in locations(platform, credit):
        for field in ("artifact_location", "artifactLocation"):
            answer = http.post(
                f"{EXPERIMENTS}/create", json={"name": unique("evil"), field: location}
            )
            assert answer.status_code == 403, (location, answer.text)
            assert "is registered, and its files do not change" in answer.json()["message"]


ELSEWHERE = (
    "{root}/secrets", "{root}/keys", "{root}/constitution", "{root}/serving/models", "{root}",
    "file://{root}/secrets", "/proc/self/root{root}/secrets", "/proc/self/cwd", "/tmp", "~/.config",
    "relative", "./relative", "file:relative", "s3://somebody/else", "http://127.0.0.1:1/x",
    "{root}/artifacts/%2e%2e/secrets", "mlflow-artifacts:/%2e%2e/secrets", "dbfs:/x",
)  # fmt: skip


@pytest.mark.parametrize("location", ELSEWHERE)
def test_no_experiment_may_keep_its_files_outside_the_roots(
    platform: Platform, http: httpx.Client, location: str
) -> None:
    for field in ("artifact_location", "artifactLocation"):
        body = {"name": unique("evil"), field: location.format(root=platform.root)}
        answer = http.post(f"{EXPERIMENTS}/create", json=body)
        assert answer.status_code == 400, (location, answer.text)
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_nothing_is_written_where_an_experiment_was_before_that_was_refused(
    platform: Platform, http: httpx.Client, credit: Registered
) -> None:
    folder = platform.root / "artifacts" / place(credit)
    own, experiment = platform.root / "keys", platform.client().create_experiment(unique("old"))
    run = platform.client().create_run(experiment).info.run_id
    before = content(platform, credit)
    for location, status in ((str(own), 400), (f"/proc/self/root{folder}", 403)):
        engine = create_engine(platform.settings.sqlalchemy_url)
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE runs SET artifact_uri = :uri WHERE run_uuid = :run"),
                {"uri": location, "run": run},
            )
        engine.dispose()
        answer = http.post(
            "/ajax-api/2.0/mlflow/upload-artifact",
            params={"run_uuid": run, "path": "x.pem"},
            content=b"evil",
        )
        assert answer.status_code == status, answer.text
    assert not (own / "x.pem").exists()
    assert content(platform, credit) == before


@pytest.mark.parametrize("location", ["", "mlflow-artifacts:/1", "mlflow-artifacts:/teams/red"])
def test_an_experiment_beside_or_around_registered_folders_is_made_and_written_to(
    platform: Platform, http: httpx.Client, credit: Registered, location: str
) -> None:
    before = content(platform, credit)
    made = http.post(
        f"{EXPERIMENTS}/create", json={"name": unique("fine"), "artifact_location": location}
    )
    assert made.status_code == 200, made.text
    run = http.post(PROMPT_LAB, json=prompt_run(made.json()["experiment_id"]))
    assert run.status_code == 200, run.text
    info = run.json()["run"]["info"]
    assert info["status"] == "FINISHED"
    written = {f.path for f in platform.client().list_artifacts(info["run_id"])}
    assert written == {"model", "eval_results_table.json"}
    assert content(platform, credit) == before


def test_a_prompt_lab_run_writes_no_file_into_a_folder_registered_since(
    platform: Platform, http: httpx.Client
) -> None:
    """The experiment came first: then its location was nobody's."""
    client, name = platform.client(), unique("credit")
    run = client.create_run("0").info
    source = f"{run.artifact_uri}/model"
    experiment = http.post(
        f"{EXPERIMENTS}/create", json={"name": unique("early"), "artifact_location": source}
    ).json()["experiment_id"]
    store(platform, run.artifact_uri, saved(Recipe.BASELINE))
    client.create_registered_model(name)
    version = client.create_model_version(name, source, run_id=run.run_id)
    registered = Registered(name, int(version.version), run.run_id, source)
    before = content(platform, registered)
    for spelled in (experiment, int(experiment), f" {experiment}", f"+{experiment}"):
        answer = http.post(PROMPT_LAB, json=prompt_run(spelled))
        assert answer.status_code == 403, (spelled, answer.text)
    for odd in (float(experiment), [experiment]):
        assert http.post(PROMPT_LAB, json=prompt_run(odd)).status_code == 400
    assert content(platform, registered) == before


def test_the_demo_spares_an_experiment_that_a_registered_version_came_from(
    platform: Platform, http: httpx.Client
) -> None:
    client = platform.client()
    found = client.get_experiment_by_name(DEMO_EXPERIMENT_NAME)
    experiment = found.experiment_id if found else client.create_experiment(DEMO_EXPERIMENT_NAME)
    if found and found.lifecycle_stage == "deleted":
        client.restore_experiment(experiment)
    version = registered_in(platform, experiment)
    for route in ("delete", "generate", "delete/"):
        answer = http.post(f"/ajax-api/3.0/mlflow/demo/{route}", json={"features": []})
        assert answer.status_code in {403, 404}, answer.text
        assert client.get_experiment(experiment).lifecycle_stage == "active"
        assert client.get_run(version.run_id).info.lifecycle_stage == "active"
    client.delete_model_version(version.name, str(version.number))
    assert http.post("/ajax-api/3.0/mlflow/demo/delete", json={}).status_code == 200
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"


def registered_in(platform: Platform, experiment: str) -> Registered:
    client, name = platform.client(), unique("credit")
    run = client.create_run(experiment).info
    store(platform, run.artifact_uri, saved(Recipe.BASELINE))
    client.create_registered_model(name)
    source = f"{run.artifact_uri}/model"
    version = client.create_model_version(name, source, run_id=run.run_id)
    return Registered(name, int(version.version), run.run_id, source)
