from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.serving import models
from tests.support.runtime import Runtime, running

ROW = [1200.5, 1, "north", False]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("errors")


@pytest.fixture(scope="module")
def awkward(folder: Path) -> Iterator[Runtime]:
    models.save_awkward(folder / "awkward")
    with running(folder / "awkward", folder / "run-awkward") as runtime:
        yield runtime


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"ndarray": [ROW[:3]]}, "expected 4 columns, found 3"),
        ({"ndarray": [[*ROW, 1]]}, "expected 4 columns, found 5"),
        ({"ndarray": [ROW, ROW[:2]]}, "row 0 has 4 values, row 1 has 2"),
        ({"ndarray": []}, "at least one row"),
        ({"ndarray": [[]]}, "found empty rows"),
        ({"ndarray": ROW}, "expected a list of rows"),
        ({"ndarray": "x"}, "data.ndarray: expected a list"),
        ({"ndarray": [ROW], "names": ["income", "years"]}, "found 2 names"),
        (
            {"ndarray": [ROW], "names": ["income", "years", "region", "house"]},
            "unknown columns ['house'] and missing columns ['owner']",
        ),
        (
            {"ndarray": [ROW], "names": ["income", "income", "region", "owner"]},
            "['income'] more than once",
        ),
        (
            {"ndarray": [["much", 1, "north", False]]},
            "column 'income': expected a number (double), found string 'much'",
        ),
        ({"ndarray": [[True, 1, "north", False]]}, "column 'income': expected a number"),
        (
            {"ndarray": [ROW, [1.0, 1.5, "north", False]]},
            "row 1, column 'years': expected a whole number of 64 bits (long), found number 1.5",
        ),
        ({"ndarray": [[1.0, 2**70, "north", False]]}, "whole number of 64 bits"),
        ({"ndarray": [[10**400, 1, "north", False]]}, "column 'income': expected a number"),
        ({"ndarray": [[1.0, 1, 5, False]]}, "column 'region': expected a string"),
        ({"ndarray": [[1.0, 1, "north", "no"]]}, "column 'owner': expected true or false"),
        ({"tensor": {"shape": [2, 4], "values": [1.0]}}, "holds 8 values, found 1"),
        ({"tensor": {"shape": "x", "values": [1.0]}}, "shape: expected a list of lengths"),
        ({"tftensor": {}}, "expected ndarray or tensor"),
        ([1], "data: expected an object"),
    ],
)
def test_a_table_that_does_not_fit_is_told_expected_found_and_signature(
    mixed_server: Runtime, data: Any, told: str
) -> None:
    answer = mixed_server.predict(data)
    status = answer.json()["status"]
    assert answer.status_code == 400, answer.text
    assert told in status["info"]
    assert (status["code"], status["status"]) == (400, "FAILURE")
    if "data" not in told and "shape" not in told and "ndarray or" not in told:
        assert "income: double, years: long, region: string, owner: boolean" in status["info"] or (
            "holds" in told
        )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"null",
        b"{}",
        b'{"strData": "x"}',
        b'{"data": {"ndarray": [[1e400, 1, "north", true]]}}',
        b'{"data": {"ndarray": [[1]]}, "meta": 5}',
        b'{"data": {"ndarray": [[1]]}, "meta": {"tags": []}}',
        b'{"data": {"ndarray": [[1]]}, "meta": {"puid": "a\\r\\nb: c"}}',
        b"[" * 100_000,
        b'{"jsonData": "text"}',
        b'{"jsonData": [{"income": 1}, {"years": 1}]}',
    ],
)
@pytest.mark.parametrize("path", ["/api/v1.0/predictions", "/v2/models/credit/infer"])
def test_a_body_that_is_no_request_is_the_clients_error(
    mixed_server: Runtime, path: str, body: bytes
) -> None:
    answer = mixed_server.http.post(path, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["status"]["reason"] == "MICROSERVICE_BAD_DATA"


def test_unknown_routes_and_methods_are_told_apart(mixed_server: Runtime) -> None:
    unknown = mixed_server.http.get("/seldon/default/credit/api/v1.0/predictions")
    assert unknown.status_code == 404
    assert "/api/v1.0/predictions" in unknown.json()["status"]["info"]
    assert mixed_server.http.get("/api/v1.0/predictions").status_code == 405


def test_a_null_in_a_whole_number_column_is_refused_as_mlflow_refuses_it(
    mixed_server: Runtime,
) -> None:
    # As a float column it would round the large numbers beside it.
    answer = mixed_server.predict(
        {"ndarray": [[1.0, 9007199254740993, "north", False], [1.0, None, "a", True]]}
    )
    assert answer.status_code == 400
    assert (
        "row 1, column 'years': expected a whole number of 64 bits (long), found null"
        in answer.json()["status"]["info"]
    )


def test_null_and_nan_reach_a_model_that_copes(awkward: Runtime) -> None:
    for body in (b'{"data": {"ndarray": [[null]]}}', b'{"data": {"ndarray": [[NaN]]}}'):
        answer = awkward.http.post("/predict", content=body)
        assert answer.json()["data"]["ndarray"] == ["missing"], answer.text


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (1, 'KeyError: "the model\'s own fault"'),
        (2, "SystemExit: the model tries to leave"),
        (5, "expected the model to return"),
        (6, "KeyboardInterrupt"),
        (7, "CancelledError"),
        (8, "GeneratorExit"),
    ],
)
def test_what_the_model_does_wrong_is_a_500_and_the_server_lives(
    awkward: Runtime, code: int, told: str
) -> None:
    tensor = {"name": "code", "shape": [1], "datatype": "FP64", "data": [code]}
    answers = [
        awkward.predict({"ndarray": [[code]]}),
        awkward.http.post("/v2/models/credit/infer", json={"inputs": [tensor]}),
    ]
    for answer in answers:
        assert answer.status_code == 500
        assert told in answer.json()["status"]["info"].replace("\\'", "'")
    assert awkward.predict({"ndarray": [[0.0]]}).json()["data"]["ndarray"] == ["fine"]
    counted = [line for line in awkward.http.get("/metrics").text.splitlines() if "500" in line]
    assert counted != []


def test_a_table_or_an_object_as_answer_is_carried_by_both_protocols(awkward: Runtime) -> None:
    table = awkward.predict({"ndarray": [[3.0]]}).json()["data"]
    assert table == {"names": ["label", "score"], "ndarray": [["a", 0.25], ["b", None]]}
    assert awkward.predict({"ndarray": [[4.0]]}).json()["jsonData"] == {
        "label": "a",
        "scores": [0.5],
    }
    tensor = {"name": "code", "shape": [1, 1], "datatype": "FP64", "data": [3]}
    answer = awkward.http.post("/v2/models/credit/infer", json={"inputs": [tensor]}).json()
    assert [(o["name"], o["datatype"], o["data"]) for o in answer["outputs"]] == [
        ("label", "BYTES", ["a", "b"]),
        ("score", "FP64", [0.25, None]),
    ]


def test_without_a_signature_the_estimators_own_width_is_asked_for(folder: Path) -> None:
    models.save_unsigned(folder / "unsigned")
    with running(folder / "unsigned", folder / "run-unsigned") as runtime:
        assert runtime.predict({"ndarray": [[0.0] * 10]}).status_code == 200
        narrow = runtime.predict({"ndarray": [[0.0] * 9]})
        assert narrow.status_code == 400
        assert "expected 10 columns, found 9" in narrow.json()["status"]["info"]


CHUNKED = b"transfer-encoding: chunked\r\n"
UNCLEAR: dict[str, tuple[bytes, bytes]] = {
    "a length and chunks": (b"content-length: 5\r\n" + CHUNKED, b"0\r\n\r\nGET"),
    "chunks and a length": (CHUNKED + b"content-length: 0\r\n", b"0\r\n\r\n"),
    "a chunk of 17 digits": (CHUNKED, b"fffffffffffffffff\r\n"),
    "a chunk of 16 digits": (CHUNKED, b"ffffffffffffffff\r\n"),
    "a chunk whose size wraps": (CHUNKED, b"10000000000000002\r\nab\r\n0\r\n\r\n"),
    "a second chunk without end": (CHUNKED, b"2\r\nab\r\nfffffffffffffffff\r\nab"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_body_whose_end_is_unclear_is_refused_at_once_and_ends_the_connection(
    mixed_server: Runtime, name: str
) -> None:
    lines, rest = UNCLEAR[name]
    with socket.create_connection(("127.0.0.1", mixed_server.port), timeout=5) as client:
        start = b"POST /api/v1.0/predictions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        client.sendall(start + lines + b"\r\n" + rest)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_in_chunks_is_read(mixed_server: Runtime) -> None:
    answer = mixed_server.http.post(
        "/api/v1.0/predictions",
        content=iter([b'{"data": {"nda', b'rray": [[1.0, 1, "north", true]]}}']),
    )
    assert answer.status_code == 200, answer.text
