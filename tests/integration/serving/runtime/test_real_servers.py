"""Real model servers in their own environment, through the gateway, with Seldon's own client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.processes.process import children
from serving.settings import ServingSettings, gateway_url
from tests.integration.serving import kit, models
from tests.integration.serving.kit import NAME, PATH, Platform, deploying
from tests.support.runtime import serving_env, serving_interpreter

SCRIPT = Path(__file__).with_name("seldon_client_script.py")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Platform]:
    """Serve a real model on the endpoint, for all tests here."""
    with kit.platform(tmp_path_factory.mktemp("root"), template) as platform:
        platform.endpoint(ready_seconds=120)
        with deploying(platform.settings, command=None):
            version = platform.register(models.save_classifier)
            platform.wait_phase(platform.roll_out(version), "succeeded", seconds=120)
            yield platform


def test_seldons_own_client_gets_predictions_through_the_gateway(serving: Platform) -> None:
    model, features = models.save_classifier(serving.settings.storage_root / "again")
    rows = features.to_numpy()[:3]
    port = serving.settings.of(ServingSettings).gateway_port
    done = subprocess.run(
        [str(serving_interpreter()), str(SCRIPT), f"127.0.0.1:{port}",
         json.dumps(rows.tolist())],
        capture_output=True, text=True, env=serving_env(), timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    expected = [int(value) for value in model.predict(features[:3])]
    assert found["answers"] == [expected] * 8
    assert found["bad"][0] is False


def test_a_v2_client_gets_predictions_through_the_gateway(serving: Platform) -> None:
    model, features = models.save_classifier(serving.settings.storage_root / "v2")
    rows = features.to_numpy()[:2]
    body = {
        "inputs": [
            {"name": "x", "shape": list(rows.shape), "datatype": "FP64",
             "data": rows.ravel().tolist()}
        ]
    }  # fmt: skip
    url = f"{gateway_url(serving.settings)}/seldon/acgs/{NAME}/v2/models/{NAME}/infer"
    answer = httpx.post(url, json=body, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-acgs-predictor"] == "default"
    assert answer.json()["outputs"][0]["data"] == [int(v) for v in model.predict(features[:2])]


def test_a_restarted_deployer_adopts_the_servers_that_run(serving: Platform) -> None:
    before = {child.identity.pid for child in children(serving.settings)}
    with deploying(serving.settings, command=None):
        kit.wait_until(lambda: serving.ask(PATH + "?").status_code < 503, "it still answers")
    assert {child.identity.pid for child in children(serving.settings)} == before
