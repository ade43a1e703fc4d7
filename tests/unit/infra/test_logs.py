from __future__ import annotations

import json
import logging
import re
import sys

import pytest

from infra.identity.current import Caller, acting
from infra.identity.principal import Kind, Principal
from infra.logs import KeyValueFormatter


def record_of(message: str, *, failed: bool = False) -> logging.LogRecord:
    info = None
    if failed:
        try:
            raise ValueError("odd")
        except ValueError:
            info = sys.exc_info()
    return logging.LogRecord("a.b", logging.INFO, __file__, 1, message, None, info)


def test_a_record_is_one_line_of_key_and_value_with_utc_time() -> None:
    line = KeyValueFormatter("manager").format(record_of('says "hi"\nand more'))
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info role=manager ", line)
    assert json.loads(line.split("msg=")[1]) == 'says "hi"\nand more'
    assert "\n" not in line


def test_a_traceback_stays_in_the_line() -> None:
    line = KeyValueFormatter().format(record_of("failed", failed=True))
    assert "\n" not in line
    assert "role=" not in line
    assert "ValueError: odd" in json.loads(line.split("trace=")[1])


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        (Principal("alice"), "caller=alice"),
        (Principal("anna@example.org"), "caller=anna@example.org"),
        (Principal("ci", Kind.SERVICE), "caller=service:ci"),
        (Principal("a level=error\nmsg"), 'caller="a level=error\\nmsg"'),
    ],
)
def test_a_record_of_a_request_names_its_caller(who: Principal, shown: str) -> None:
    with acting(Caller(who, "127.0.0.1")):
        line = KeyValueFormatter("registry").format(record_of("done"))
    assert f" role=registry {shown} logger=a.b msg=" in line
    assert "caller=" not in KeyValueFormatter("registry").format(record_of("done"))
