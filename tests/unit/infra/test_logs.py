from __future__ import annotations

import json
import logging
import re
import sys

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
