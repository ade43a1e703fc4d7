"""Lineage on a running platform: what `log_model` leaves, the command line, and HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.docs.json_page import promises
from tests.support.credit import register, unique
from tests.support.platform import Platform

LOG_MODEL = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("lineage")
frame = pd.DataFrame({"income": [1.0, 2.0, 3.0, 4.0], "good": [0, 0, 1, 1]})
with mlflow.start_run() as run:
    data = mlflow.data.from_pandas(frame, name="train", targets="good")
    mlflow.log_input(data, context="training")
    mlflow.set_tag("mlflow.source.git.commit", "c0ffee" + "1" * 34)
    model = LogisticRegression().fit(frame[["income"]], frame["good"])
    mlflow.sklearn.log_model(
        model, name="model", registered_model_name=sys.argv[2],
        signature=infer_signature(frame[["income"]], frame["good"]),
        serialization_format="skops", pip_requirements=["scikit-learn"],
    )
print(run.info.run_id, data.digest)
"""


@dataclass(frozen=True)
class Logged:
    name: str
    run_id: str
    digest: str


@pytest.fixture(scope="module")
def logged(platform: Platform) -> Logged:
    """A version as a notebook makes it: in one call of log_model."""
    name = unique("credit")
    done = subprocess.run(
        [sys.executable, "-c", LOG_MODEL, platform.url, name],
        capture_output=True, text=True, check=True, timeout=120, env=dict(platform.environment),
    )  # fmt: skip
    run_id, digest = done.stdout.split()[-2:]
    return Logged(name, run_id, digest)


def test_what_log_model_registers_is_known_in_every_part(
    platform: Platform, logged: Logged
) -> None:
    found = platform.json("lineage", "show", logged.name)
    assert found["completeness"]["share"] == 1.0, found["completeness"]
    assert {node["kind"] for node in found["nodes"]} == {
        "dataset", "commit", "run", "model", "version",
    }  # fmt: skip


def test_a_person_reads_the_lineage_as_a_tree(platform: Platform, logged: Logged) -> None:
    text = platform.acgs("lineage", "show", f"{logged.name}@1.0.0", "--up", check=True).stdout
    lines = text.splitlines()
    assert lines[0].startswith(f"version {logged.name} 1.0.0  #1")
    assert lines[1] == "made from"
    assert any(line.strip().startswith("└─ run") for line in lines)
    assert any(f"dataset train  {logged.digest}" in line for line in lines)
    assert "completeness 1.00: 6 of 6 parts are known" in lines
    assert "came of it" not in lines


def test_impact_and_served_answer_on_the_command_line_and_over_http(
    platform: Platform, logged: Logged
) -> None:
    origin = f"dataset:train@{logged.digest}"
    told = platform.acgs("lineage", "impact", origin, check=True).stdout
    assert "serves now: nothing" in told
    over_http = httpx.get(f"{platform.url}/acgs/api/v1/impact", params={"of": origin})
    assert over_http.json() == platform.json("lineage", "impact", origin)
    assert set(over_http.json()) == promises()["acgs lineage impact ORIGIN"].keys
    assert logged.name in {version["model"] for version in over_http.json()["versions"]}
    served = httpx.get(f"{platform.url}/acgs/api/v1/served/{logged.name}")
    assert (served.status_code, served.json()["traffic"]) == (200, [])


def test_that_nothing_served_yet_is_an_answer(platform: Platform, logged: Logged) -> None:
    done = platform.acgs("lineage", "served", logged.name, "--at", "2020-01-01T00:00Z", check=True)
    assert "nothing served" in done.stdout


def test_what_was_never_heard_of_is_refused_in_words(platform: Platform, logged: Logged) -> None:
    for words, code, said in (
        (["show", "credit-nowhere"], 2, "expected a registered model credit-nowhere"),
        (["show", f"{logged.name}@9.9.9"], 2, "has no version 9.9.9"),
        (["show", f"{logged.name}@"], 2, "expected NAME or NAME@VERSION"),
        (["impact", "dataset:train"], 2, "with its digest"),
        (["served", logged.name, "--at", "noon"], 2, "with its zone"),
        (["served", logged.name, "--at", "2999-01-01T00:00Z"], 2, "up to now"),
        (["served", "credit-nowhere"], 2, "expected an endpoint or a governed model"),
    ):
        done = platform.acgs("lineage", *words)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert said in done.stderr
    base = f"{platform.url}/acgs/api/v1"
    for path, status in (
        (f"/lineage/{logged.name}/7", 404),
        (f"/lineage/{logged.name}/1?depth=0", 400),
        (f"/lineage/{logged.name}/1?direction=left", 400),
        ("/served/credit-nowhere", 404),
        (f"/served/{logged.name}?at=noon", 400),
        ("/impact?of=run:nothing", 404),
        ("/impact", 400),
    ):
        answer = httpx.get(base + path)
        assert answer.status_code == status, (path, answer.text)
        assert answer.json()["message"]


def test_an_export_is_what_its_format_says(
    platform: Platform, logged: Logged, tmp_path: Path
) -> None:
    def export(form: str) -> str:
        return platform.acgs("lineage", "export", logged.name, "--format", form, check=True).stdout

    events = [json.loads(line) for line in export("openlineage").splitlines()]
    assert [event["job"]["name"] for event in events][-1] == f"register/{logged.name}"
    assert ET.fromstring(export("svg")).tag.endswith("svg")
    assert export("dot").startswith("digraph lineage {")
    over_http = httpx.get(f"{platform.url}/acgs/api/v1/lineage/{logged.name}/1.0.0")
    assert json.loads(export("json")) == over_http.json()
    to_nowhere = platform.acgs(
        "lineage", "export", logged.name, "--output", str(tmp_path / "no" / "file")
    )
    assert (to_nowhere.returncode, to_nowhere.stdout) == (3, "")


def test_a_name_that_is_markup_is_shown_as_text(platform: Platform) -> None:
    """Runs are named by anybody."""
    version = register(platform, unique("credit"))
    evil = "<script>alert(1)</script>"
    platform.client().set_tag(version.run_id, "mlflow.runName", evil)
    for path in ("", "/picture.svg"):
        answer = httpx.get(f"{platform.url}/acgs/lineage/{version.name}/{version.number}{path}")
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
