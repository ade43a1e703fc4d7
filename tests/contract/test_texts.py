"""A text that no database can hold is refused at once by a server, on each pair of stores."""

from __future__ import annotations

import httpx
import pytest

from tests.support.credit import register, unique
from tests.support.platform import Platform

CREATE = "/api/2.0/mlflow/model-versions/create"


@pytest.mark.parametrize("text", [r"nul\u0000", r"lone \ud800"])
def test_a_registration_with_such_a_text_is_refused_before_anything_reads_it(
    platform: Platform, text: str
) -> None:
    name = unique("credit")
    known = register(platform, name)
    plain = {"name": name, "source": known.source, "run_id": known.run_id}
    for field, more in (
        ("source", {"source": "@"}),
        ("run_id", {"run_id": "@"}),
        ("run_link", {"run_link": "@"}),
        ("model_id", {"model_id": "@"}),
        ("tag value", {"tags": [{"key": "k", "value": "@"}]}),
        ("tag key", {"tags": [{"key": "@", "value": "v"}]}),
    ):
        body = httpx.Request("POST", platform.url, json={**plain, **more}).content
        answer = httpx.post(platform.url + CREATE, content=body.replace(b"@", text.encode()))
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert f"expected a {field} that a database can hold" in answer.json()["message"]
    assert len(platform.client().search_model_versions(f"name = '{name}'")) == 1


def test_letters_that_json_writes_as_pairs_of_surrogates_are_kept(platform: Platform) -> None:
    name = unique("credit")
    register(platform, name)
    answer = httpx.patch(
        f"{platform.url}/api/2.0/mlflow/registered-models/update",
        content=b'{"name": "%s", "description": "a duck \\ud83e\\udd86"}' % name.encode(),
    )
    assert answer.status_code == 200
    assert platform.client().get_registered_model(name).description == "a duck 🦆"
