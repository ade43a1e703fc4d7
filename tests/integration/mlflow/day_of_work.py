"""What a data scientist does with MLflow in a day: a script for a client's own environment.

Usage: `python day_of_work.py URL PREFIX`. Prints one JSON line for each step: what it returned or
raised, and every HTTP call that it made, with status and body. It knows nothing of the platform.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

URL, PREFIX = sys.argv[1:3]
os.environ.update(
    {
        "MLFLOW_TRACKING_URI": URL,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 << 20),
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20),
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
)
warnings.simplefilter("ignore")

import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import requests  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.models import infer_signature  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

logging.disable(logging.CRITICAL)
client = MlflowClient()
MAJOR = int(mlflow.__version__.partition(".")[0])
FOLDER = Path(tempfile.mkdtemp())
NAME = f"{PREFIX}-model"
ROWS = pd.DataFrame({"age": np.arange(40.0), "income": np.arange(40.0) % 7})
LABEL = (ROWS["age"] > 20).astype("int64")
calls: list[list[object]] = []
_lock = threading.Lock()
_send = requests.Session.send


def send(session: Any, request: Any, **options: Any) -> Any:
    answer = _send(session, request, **options)
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    body = "" if options.get("stream") or "json" not in kind else answer.text
    with _lock:
        calls.append([request.method, request.url.replace(URL, ""), answer.status_code, kind, body])
    return answer


requests.Session.send = send  # type: ignore[method-assign, assignment]


def cli(*arguments: str) -> list[Any]:
    """Run `mlflow ...` in this process; return its exit code and what it printed."""
    from click.testing import CliRunner
    from mlflow.cli import cli as command

    done = CliRunner().invoke(command, list(arguments))
    return [done.exit_code, done.output, repr(done.exception)]


def plain(value: Any) -> Any:
    """Return what JSON can hold of a value that MLflow returned."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in sorted(value.items(), key=str)}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, pd.DataFrame):
        return value.to_dict("records")
    return repr(value)


STEPS: list[Callable[[], Any]] = []


def step(function: Callable[[], Any]) -> Callable[[], Any]:
    STEPS.append(function)
    return function


@step
def the_server() -> Any:
    return requests.get(f"{URL}/api/3.0/mlflow/server-info", timeout=60).json()


# --- experiments


@step
def experiments() -> Any:
    made = client.create_experiment(f"{PREFIX}-a", tags={"team": "risk"})
    client.create_experiment(f"{PREFIX}-b")
    client.set_experiment_tag(made, "stage", "draft")
    client.rename_experiment(made, f"{PREFIX}-renamed")
    client.delete_experiment(made)
    client.restore_experiment(made)
    found = client.search_experiments(
        filter_string=f"name LIKE '{PREFIX}%'", order_by=["name DESC"], max_results=1
    )
    more = client.search_experiments(
        filter_string=f"name LIKE '{PREFIX}%'", order_by=["name DESC"], page_token=found.token
    )
    return [[e.name, e.lifecycle_stage, e.tags.get("stage")] for e in [*found, *more]]


@step
def experiment_that_exists() -> Any:
    client.create_experiment(f"{PREFIX}-b")


@step
def experiment_without_a_name() -> Any:
    client.create_experiment("")


@step
def experiment_that_is_unknown() -> Any:
    client.get_experiment("987654321")


# --- runs

RUN: dict[str, str] = {}


@step
def a_run_with_a_child() -> Any:
    mlflow.set_experiment(f"{PREFIX}-b")
    with mlflow.start_run(run_name="parent", tags={"who": "me"}, description="words") as run:
        mlflow.log_params({"depth": 3, "rate": 0.1, "name": "größe 🦆"})
        for number in range(5):
            mlflow.log_metric("loss", 1.0 / (number + 1), step=number)
        mlflow.log_metrics({"auc": 0.9, "nan": float("nan"), "inf": float("inf")})
        mlflow.set_tags({"gone": "soon", "kept": "x" * 3000})
        mlflow.delete_tag("gone")
        mlflow.log_input(mlflow.data.from_pandas(ROWS.assign(y=LABEL), targets="y", name="rows"))
        with mlflow.start_run(nested=True, run_name="child") as child:
            mlflow.log_metric("loss", 0.5)
        RUN["parent"], RUN["child"] = run.info.run_id, child.info.run_id
    found = client.get_run(RUN["parent"])
    return [found.data.metrics, found.data.params, sorted(found.data.tags), found.info.status]


@step
def metrics_by_the_thousand() -> Any:
    batch = [Metric("many", float(n), 1_700_000_000_000 + n, n) for n in range(900)]
    client.log_batch(RUN["child"], batch, [Param("p", "1")], [RunTag("t", "2")])
    history = client.get_metric_history(RUN["child"], "many")
    return [len(history), history[-1].value, client.get_parent_run(RUN["child"]).info.run_name]


@step
def a_parameter_that_changes() -> Any:
    client.log_param(RUN["parent"], "depth", 4)


@step
def a_parameter_that_is_too_long() -> Any:
    client.log_param(RUN["parent"], "long", "x" * 7000)


@step
def a_batch_that_is_too_big() -> Any:
    client.log_batch(RUN["child"], [Metric("m", 1.0, 1, n) for n in range(1001)])


@step
def runs_found() -> Any:
    b = client.get_experiment_by_name(f"{PREFIX}-b").experiment_id
    found: list[Any] = []
    for query in ("metrics.loss < 0.4", "params.depth = '3' and tags.who = 'me'", "", "no = such"):
        try:
            runs = client.search_runs([b], query, order_by=["metrics.loss ASC"], max_results=1)
            found.append([[r.info.run_name for r in runs], bool(runs.token)])
        except Exception as err:
            found.append(str(err))
    return found


@step
def a_run_deleted_and_restored() -> Any:
    client.delete_run(RUN["child"])
    deleted = client.get_run(RUN["child"]).info.lifecycle_stage
    client.restore_run(RUN["child"])
    client.update_run(RUN["child"], status="FAILED", name="renamed")
    return [deleted, client.get_run(RUN["child"]).info.status]


@step
def a_run_that_is_unknown() -> Any:
    client.get_run("0" * 32)


@step
def a_table_of_runs() -> Any:
    return sorted(mlflow.search_runs(experiment_names=[f"{PREFIX}-b"]).columns)


# --- artifacts


@step
def artifacts() -> Any:
    run = RUN["parent"]
    tree = FOLDER / "tree"
    (tree / "a" / "b c").mkdir(parents=True)
    (tree / "a" / "b c" / "größe.txt").write_text("deep")
    (tree / "top.bin").write_bytes(bytes(range(256)))
    client.log_artifacts(run, str(tree), "tree")
    client.log_artifact(run, str(tree / "top.bin"), "alone/in/a/folder")
    client.log_text(run, "hello", "notes/hello.txt")
    client.log_dict(run, {"a": [1, 2]}, "notes/data.json")
    client.log_table(run, {"x": [1, 2]}, "table.json")
    listed = [
        [f.path, f.is_dir, f.file_size]
        for path in (None, "tree", "tree/a", "nothing")
        for f in client.list_artifacts(run, path)
    ]
    back = Path(client.download_artifacts(run, "tree", str(FOLDER)))
    read = sorted(str(f.relative_to(back)) for f in back.rglob("*") if f.is_file())
    text = mlflow.artifacts.load_text(f"runs:/{run}/notes/hello.txt")
    return [listed, read, text, (back / "top.bin").read_bytes() == bytes(range(256))]


@step
def a_file_in_parts() -> Any:
    big = FOLDER / "big.bin"
    big.write_bytes(b"0123456789abcdef" * (6 << 16))
    client.log_artifact(RUN["parent"], str(big))
    back = client.download_artifacts(RUN["parent"], "big.bin", str(FOLDER / "tree"))
    return Path(back).read_bytes() == big.read_bytes()


@step
def an_artifact_that_is_missing() -> Any:
    client.download_artifacts(RUN["parent"], "no/such/file.txt", str(FOLDER))


@step
def an_artifact_outside() -> Any:
    client.list_artifacts(RUN["parent"], "../../..")


@step
def an_artifact_deleted() -> Any:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(client.get_run(RUN["parent"]).info.artifact_uri)
    repository.delete_artifacts("alone")
    return [f.path for f in client.list_artifacts(RUN["parent"])]


@step
def the_artifacts_command() -> Any:
    run = RUN["parent"]
    folder = str(FOLDER / "tree")
    return [
        cli("artifacts", "list", "-r", run, "-a", "notes"),
        cli("artifacts", "download", "-r", run, "-a", "notes/data.json", "-d", folder)[0],
        cli("artifacts", "log-artifact", "-r", run, "-l", f"{folder}/top.bin", "-a", "cli")[0],
        cli("artifacts", "download", "-u", f"runs:/{run}/none", "-d", folder)[0],
    ]


# --- models


@step
def a_model_logged_and_registered() -> Any:
    model = LogisticRegression().fit(ROWS, LABEL)
    signature = infer_signature(ROWS, model.predict(ROWS))
    named = {"artifact_path": "model"} if MAJOR < 3 else {"name": "model"}
    with mlflow.start_run(run_name="training") as run:
        for _ in range(2):
            info = mlflow.sklearn.log_model(
                model,
                **named,
                signature=signature,
                input_example=ROWS[:2],
                registered_model_name=NAME,
                pip_requirements=["scikit-learn"],
                await_registration_for=0,
            )
    RUN["training"], RUN["uri"] = run.info.run_id, info.model_uri
    return [info.registered_model_version, str(info.signature), sorted(info.flavors)]


@step
def a_model_registered_by_its_run() -> Any:
    made = mlflow.register_model(f"runs:/{RUN['training']}/model", NAME, tags={"by": "hand"})
    client.update_model_version(NAME, made.version, "words")
    client.update_registered_model(NAME, "a model")
    return [made.version, made.current_stage, made.status, made.tags]


@step
def a_model_registered_by_its_own_address() -> Any:
    return mlflow.register_model(RUN["uri"], NAME).version


@step
def stages_and_aliases() -> Any:
    client.transition_model_version_stage(NAME, "1", "Staging")
    client.transition_model_version_stage(NAME, "2", "staging")
    client.transition_model_version_stage(NAME, "2", "Staging", archive_existing_versions=True)
    client.transition_model_version_stage(NAME, "3", "Production")
    client.set_registered_model_alias(NAME, "champion", "3")
    client.set_registered_model_alias(NAME, "Blue_green-1", "1")
    client.set_registered_model_alias(NAME, "gone", 2)
    client.delete_registered_model_alias(NAME, "gone")
    client.set_model_version_tag(NAME, "1", "key", "value")
    client.set_model_version_tag(NAME, "1", "long", "x" * 20_000)
    client.delete_model_version_tag(NAME, "1", "key")
    client.set_registered_model_tag(NAME, "team", "x" * 20_000)
    found = client.get_registered_model(NAME)
    return [
        [[v.version, v.current_stage, v.aliases] for v in found.latest_versions],
        found.aliases,
        [client.get_model_version(NAME, n).current_stage for n in "123"],
        client.get_model_version_by_alias(NAME, "champion").version,
    ]


@step
def a_model_loaded_by_every_address() -> Any:
    found: list[Any] = []
    for uri in ("1", "latest", "Production", "Staging", "@champion", "1.0.0", "@1.0.0", "99", ""):
        address = f"models:/{NAME}{uri}" if uri[:1] == "@" else f"models:/{NAME}/{uri}"
        try:
            model = mlflow.pyfunc.load_model(address, dst_path=str(FOLDER / "tree"))
            found.append([uri, plain(model.predict(ROWS[:3]))])
        except Exception as err:
            found.append([uri, type(err).__name__, str(err)])
    return found


@step
def a_model_described() -> Any:
    info = mlflow.models.get_model_info(f"models:/{NAME}/1")
    return [str(info.signature), sorted(info.flavors), client.get_model_version_stages(NAME, "1")]


@step
def versions_found() -> Any:
    found: list[Any] = []
    for query in (
        f"name = '{NAME}'",
        f"run_id = '{RUN['training']}'",
        "nothing = 1",
        "tags.by='hand'",
    ):
        try:
            page = client.search_model_versions(
                query, max_results=2, order_by=["version_number ASC"]
            )
            found.append([[v.version for v in page], bool(page.token)])
        except Exception as err:
            found.append(str(err))
    return found


@step
def a_version_copied() -> Any:
    same = client.copy_model_version(f"models:/{NAME}/1", NAME)
    other = client.copy_model_version(f"models:/{NAME}@champion", f"{NAME}-copy")
    return [[v.name, v.version, v.current_stage, sorted(v.tags), v.source] for v in (same, other)]


@step
def a_version_deleted() -> Any:
    client.delete_model_version(NAME, "2")
    found: list[Any] = []
    asks: tuple[Callable[[], Any], ...] = (
        lambda: client.get_model_version(NAME, "2"),
        lambda: client.delete_model_version(NAME, "2"),
        lambda: client.transition_model_version_stage(NAME, "2", "Production"),
        lambda: client.set_registered_model_alias(NAME, "a", "2"),
        lambda: client.update_model_version(NAME, "2", "words"),
        lambda: client.get_model_version_download_uri(NAME, "2"),
    )
    for ask in asks:
        try:
            ask()
        except Exception as err:
            found.append(str(err))
    return found


@step
def a_model_renamed_and_deleted() -> Any:
    client.rename_registered_model(NAME, f"{NAME}-new")
    found = [v.version for v in client.search_model_versions(f"name = '{NAME}-new'")]
    client.create_registered_model(NAME, tags={"a": "b"}, description="")
    found.append([m.name for m in client.search_registered_models(f"name LIKE '{PREFIX}%'")])
    for name in (f"{NAME}-copy", NAME):
        client.delete_registered_model(name)
    found.append([m.name for m in client.search_registered_models(f"name LIKE '{PREFIX}%'")])
    return found


@step
def a_name_that_is_taken() -> Any:
    client.create_registered_model(f"{NAME}-new")


@step
def a_model_that_is_unknown() -> Any:
    client.get_registered_model(f"{PREFIX}-nobody")


@step
def texts_at_their_limits() -> Any:
    found: list[Any] = []
    for key, value in (("k" * 250, "v"), ("k" * 251, "v"), ("k", "v" * 100_001), ("a:b", "v")):
        try:
            found.append(client.set_registered_model_tag(f"{NAME}-new", key, value))
        except Exception as err:
            found.append(str(err))
    return found


@step
def the_models_command() -> Any:
    if MAJOR > 2:  # it takes seconds, and is MLflow's own beside the address
        return None
    rows = FOLDER / "rows.json"
    rows.write_text(json.dumps({"dataframe_split": ROWS[:3].to_dict("split", index=False)}))
    model, out = f"models:/{NAME}-new/1", str(FOLDER / "out.json")
    done = cli(
        "models", "predict", "-m", model, "-i", str(rows), "-o", out, "--env-manager", "local"
    )
    return [done[0], json.loads(Path(out).read_text())]


# --- traces and prompts


@step
def traces() -> Any:
    mlflow.set_experiment(f"{PREFIX}-b")
    b = client.get_experiment_by_name(f"{PREFIX}-b").experiment_id

    @mlflow.trace(name="outer")  # type: ignore[untyped-decorator]
    def ask(question: str) -> str:
        with mlflow.start_span("inner") as span:
            span.set_inputs({"q": question})
            span.set_outputs({"a": 42})
        return "answer"

    ask("why?")
    found = client.search_traces([b], max_results=5)
    trace = found[0].info
    number = getattr(trace, "trace_id", None) or trace.request_id
    client.set_trace_tag(number, "mood", "good")
    tags = client.get_trace(number).info.tags
    client.delete_trace_tag(number, "mood")
    spans = sorted(span.name for span in client.get_trace(number).data.spans)
    named = {"request_ids": [number]} if MAJOR < 3 else {"trace_ids": [number]}
    deleted = client.delete_traces(b, **named)
    return [len(found), spans, tags.get("mood"), deleted]


@step
def prompts() -> Any:
    name = f"{PREFIX}-prompt"
    register = client.register_prompt
    first = register(name, "Say {{word}}", commit_message="first")
    second = register(name, "Say {{word}} twice", tags={"a": "b"})
    client.set_prompt_alias(name, "production", 2)
    loaded = client.load_prompt(f"prompts:/{name}@production")
    found = [first.version, second.version, loaded.template, loaded.format(word="hi")]
    if hasattr(client, "search_prompts"):
        found.append([p.name for p in client.search_prompts(f"name = '{name}'")])
    client.delete_prompt_alias(name, "production")
    found.append([m.name for m in client.search_registered_models(f"name = '{name}'")])
    try:
        found.append(str(client.load_prompt(f"prompts:/{name}/9")))
    except Exception as err:
        found.append(str(err))
    return found


@step
def prompts_of_the_store() -> Any:
    if not hasattr(client, "create_prompt_version") or mlflow.__version__.startswith("3.1."):
        return None  # of Databricks alone, then
    name = f"{PREFIX}-chat"
    client.create_prompt(name, description="words", tags={"a": "b"})
    chat = [{"role": "user", "content": "Say {{word}}"}]
    made = client.create_prompt_version(name, chat)
    client.set_prompt_tag(name, "c", "d")
    client.set_prompt_version_tag(name, made.version, "e", "f")
    client.set_prompt_alias(name, "champion", made.version)
    found = client.get_prompt_version_by_alias(name, "champion")
    client.delete_prompt_version_tag(name, made.version, "e")
    client.delete_prompt_alias(name, "champion")
    client.delete_prompt_version(name, str(made.version))
    client.delete_prompt(name)
    return [made.version, found.template, found.tags]


# --- what MLflow 3 adds


@step
def logged_models() -> Any:
    if not hasattr(client, "create_logged_model"):
        return None
    b = client.get_experiment_by_name(f"{PREFIX}-b").experiment_id
    made = client.create_logged_model(b, name="agent", params={"p": "1"}, tags={"t": "2"})
    client.set_logged_model_tags(made.model_id, {"u": "3"})
    client.finalize_logged_model(made.model_id, "READY")
    found = client.search_logged_models([b], filter_string="name = 'agent'")
    client.delete_logged_model_tag(made.model_id, "u")
    client.delete_logged_model(made.model_id)
    return [[m.name, str(m.status), m.params, m.tags] for m in found]


@step
def feedback() -> Any:
    if not hasattr(mlflow, "log_feedback") or mlflow.__version__.startswith(("2.", "3.1.")):
        return None  # of Databricks alone, then
    b = client.get_experiment_by_name(f"{PREFIX}-b").experiment_id
    with mlflow.start_span("judged"):
        pass
    number = client.search_traces([b], max_results=1)[0].info.trace_id
    made = mlflow.log_feedback(trace_id=number, name="good", value=True, rationale="it was")
    mlflow.log_expectation(trace_id=number, name="answer", value="42")
    return [made.name, len(client.get_trace(number).info.assessments)]


@step
def webhooks() -> Any:
    if not hasattr(client, "create_webhook"):
        return None
    made = client.create_webhook(
        f"{PREFIX}-hook",
        "https://1.1.1.1/nobody-is-asked",
        ["model_version.created"],
        secret="s",
        status="DISABLED",
    )
    client.update_webhook(made.webhook_id, description="words")
    found = client.get_webhook(made.webhook_id)
    listed = [w.name for w in client.list_webhooks() if w.name.startswith(PREFIX)]
    client.delete_webhook(made.webhook_id)
    return [found.description, str(found.status), listed]


@step
def evaluation_datasets() -> Any:
    if not hasattr(client, "create_dataset"):
        return None
    b = client.get_experiment_by_name(f"{PREFIX}-b").experiment_id
    made = client.create_dataset(f"{PREFIX}-questions", experiment_id=b, tags={"a": "b"})
    made.merge_records([{"inputs": {"q": "why?"}, "expectations": {"a": "42"}}])
    found = client.get_dataset(made.dataset_id)
    rows = len(found.to_df())
    client.set_dataset_tags(made.dataset_id, {"c": "d"})
    listed = [d.name for d in client.search_datasets(experiment_ids=[b])]
    client.delete_dataset(made.dataset_id)
    return [rows, found.tags, listed]


def main() -> None:
    for function in STEPS:
        calls.clear()
        printed = io.StringIO()
        found: dict[str, Any] = {"step": function.__name__}
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                found["returned"] = plain(function())
        except Exception as err:
            found["raised"] = [type(err).__name__, str(err)]
        found["printed"] = printed.getvalue()
        # Some are sent by several threads.
        found["calls"] = sorted(calls, key=str)
        print(json.dumps(found).replace(str(FOLDER), "FOLDER"), flush=True)


main()
