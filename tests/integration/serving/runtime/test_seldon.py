from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.integration.serving import models
from tests.integration.serving.runtime.conftest import Mixed
from tests.support.runtime import Runtime, running

Classifier = tuple[Runtime, list[int], pd.DataFrame]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("seldon")


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Iterator[Classifier]:
    model, features = models.save_classifier(folder / "model")
    with running(folder / "model", folder / "run", ["--predictor", "canary"]) as runtime:
        yield runtime, model.predict(features).tolist(), features


@pytest.mark.parametrize("path", ["/api/v1.0/predictions", "/api/v0.1/predictions", "/predict"])
def test_rows_are_answered_as_the_model_answers_them(classifier: Classifier, path: str) -> None:
    runtime, expected, features = classifier
    answer = runtime.http.post(path, json={"data": {"ndarray": features.to_numpy().tolist()}})
    assert answer.status_code == 200
    assert answer.json()["data"] == {"ndarray": expected, "names": []}
    assert len(set(expected)) == 2


def test_an_answer_says_who_gave_it(classifier: Classifier) -> None:
    runtime, _, features = classifier
    row = features.iloc[:1].to_numpy().tolist()
    answer = runtime.predict({"ndarray": row}, meta={"puid": "p-1", "tags": {"mine": "x"}})
    assert answer.headers["x-acgs-model-version"] == "1.0.0"
    assert answer.headers["x-acgs-predictor"] == "canary"
    assert answer.headers["seldon-puid"] == "p-1"
    assert answer.json()["meta"] == {
        "puid": "p-1",
        "tags": {"mine": "x", "model_version": "1.0.0"},
        "requestPath": {"credit": "credit:1.0.0"},
    }
    made = [runtime.predict({"ndarray": row}).json()["meta"]["puid"] for _ in range(2)]
    assert len(set(made)) == 2


def test_a_tensor_is_answered_with_a_tensor(classifier: Classifier) -> None:
    runtime, expected, features = classifier
    flat = features.iloc[:3].to_numpy().ravel().tolist()
    answer = runtime.predict({"tensor": {"shape": [3, 30], "values": flat}})
    assert answer.json()["data"]["tensor"] == {"shape": [3], "values": expected[:3]}


def test_names_decide_the_column_whatever_the_order(classifier: Classifier) -> None:
    runtime, expected, features = classifier
    shuffled = features[features.columns[::-1]]
    answer = runtime.predict(
        {"names": list(shuffled.columns), "ndarray": shuffled.to_numpy().tolist()}
    )
    assert answer.json()["data"]["ndarray"] == expected


def test_json_data_may_be_rows_records_columns_or_mlflow_split(mixed: Mixed) -> None:
    runtime, expected, table = mixed
    forms = [
        table.to_numpy(dtype=object).tolist(),
        table.to_dict("records"),
        table.to_dict("list"),
        {"dataframe_split": table.to_dict("split") | {"index": None}},
        {"dataframe_records": table.to_dict("records")},
    ]
    for form in forms:
        answer = runtime.http.post("/predict", json={"jsonData": form})
        assert answer.json()["data"]["ndarray"] == expected, answer.text
    one = runtime.http.post("/predict", json={"jsonData": table.to_dict("records")[1]})
    assert one.json()["data"]["ndarray"] == expected[1:2]


def test_text_numbers_and_booleans_keep_their_types_side_by_side(mixed: Mixed) -> None:
    runtime, expected, table = mixed
    answer = runtime.predict({"ndarray": table.to_numpy(dtype=object).tolist()})
    assert answer.json()["data"]["ndarray"] == expected
    assert set(expected) == {"no", "yes"}


def test_a_whole_number_may_arrive_as_a_double(mixed: Mixed) -> None:
    runtime, expected, _ = mixed
    answer = runtime.predict({"ndarray": [[1200.5, 1.0, "north", 0.0]]})
    assert answer.json()["data"]["ndarray"] == expected[:1]


def test_whole_and_real_numbers_together_give_the_models_probabilities(folder: Path) -> None:
    model, table = models.save_numbers(folder / "numbers")
    rows = [[radius, int(area)] for radius, area in table.to_numpy()[:50].tolist()]
    with running(folder / "numbers", folder / "run-numbers") as runtime:
        answer = runtime.predict({"ndarray": rows}).json()["data"]
    assert answer["names"] == ["t:0", "t:1"]
    assert np.allclose(answer["ndarray"], model.predict_proba(table[:50]))


def test_a_model_that_picks_columns_by_name_gets_its_names(folder: Path) -> None:
    model, table = models.save_by_name(folder / "by-name")
    with running(folder / "by-name", folder / "run-by-name") as runtime:
        answer = runtime.predict({"ndarray": table.to_numpy().tolist()})
    assert answer.json()["data"]["ndarray"] == model.predict(table).tolist()


def test_a_forest_signed_for_an_array_predicts_numbers(folder: Path) -> None:
    model, features = models.save_forest(folder / "forest")
    with running(folder / "forest", folder / "run-forest") as runtime:
        answer = runtime.predict({"ndarray": features[:20].tolist()})
        assert np.allclose(answer.json()["data"]["ndarray"], model.predict(features[:20]))
        v2 = runtime.http.post(
            "/v2/models/credit/infer",
            json={
                "inputs": [
                    {
                        "name": "x",
                        "shape": [20, 10],
                        "datatype": "FP64",
                        "data": features[:20].ravel().tolist(),
                    }
                ]
            },
        )
        assert np.allclose(v2.json()["outputs"][0]["data"], model.predict(features[:20]))
        narrow = runtime.predict({"ndarray": [[1.0, 2.0]]})
        assert narrow.status_code == 400
        assert "expected shape [-1, 10], found [1, 2]" in narrow.json()["status"]["info"]


def test_feedback_is_counted_with_its_reward_even_a_negative_one(classifier: Classifier) -> None:
    runtime, _, features = classifier
    request = {"data": {"ndarray": features.iloc[:1].to_numpy().tolist()}}
    response = runtime.http.post("/predict", json=request).json()
    for path, reward in [("/api/v1.0/feedback", 2.0), ("/send-feedback", -0.5)]:
        message = {"request": request, "response": response, "reward": reward}
        assert runtime.http.post(path, json=message).status_code == 200
    page = runtime.http.get("/metrics").text
    assert _sample(page, "seldon_api_model_feedback_total") == 2
    assert _sample(page, "seldon_api_model_feedback_reward_total") == 1.5
    refused = runtime.http.post("/send-feedback", json={"reward": "much"})
    assert refused.status_code == 400
    assert _sample(runtime.http.get("/metrics").text, "seldon_api_model_feedback_total") == 2


def test_requests_are_counted_by_service_method_and_code(classifier: Classifier) -> None:
    runtime, _, features = classifier
    labels = {"service": "predictions", "method": "post", "predictor_name": "canary"}

    def counted(code: str) -> float:
        page = runtime.http.get("/metrics").text
        name = "seldon_api_executor_server_requests_seconds_count"
        return _sample(page, name, code=code, model_version="1.0.0", **labels)

    before = counted("200"), counted("400")
    runtime.predict({"ndarray": features.iloc[:1].to_numpy().tolist()})
    runtime.predict({"ndarray": [[1]]})
    assert (counted("200"), counted("400")) == (before[0] + 1, before[1] + 1)


def test_health_and_metadata_are_at_seldons_paths(classifier: Classifier) -> None:
    runtime, _, features = classifier
    assert runtime.http.get("/health/ping").text == "pong"
    for path in ["/health/status", "/api/v1.0/health/status", "/live", "/ready"]:
        assert runtime.http.get(path).status_code == 200
    for path in ["/metadata", "/api/v1.0/metadata"]:
        found = runtime.http.get(path).json()
        assert (found["name"], found["versions"]) == ("credit", ["1.0.0"])
        assert [column["name"] for column in found["inputs"]] == list(features.columns)
        assert {column["datatype"] for column in found["inputs"]} == {"FP64"}
        assert [column["datatype"] for column in found["outputs"]] == ["INT64"]


def _sample(page: str, name: str, **labels: str) -> float:
    for line in page.splitlines():
        if line.startswith(f"{name}{{") and all(f'{k}="{v}"' in line for k, v in labels.items()):
            return float(line.rsplit(" ", 1)[1])
    return 0.0
