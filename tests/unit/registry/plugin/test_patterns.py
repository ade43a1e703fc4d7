from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.store.db.utils import create_sqlalchemy_engine
from sqlalchemy import text

from registry.plugin import patterns
from registry.plugin.patterns import PatternRefusedError

REFUSED = {
    "no end of a group": "(",
    "nothing to repeat": "*",
    "no end of a class": "[",
    "a back-reference": r"(a)\1",
    "a named back-reference": "(?P<n>a)(?P=n)",
    "looking ahead": "a(?=b)",
    "looking behind": "(?<=a)b",
    "too many repetitions": "(a{1000}){1000}",
    "a possessive repetition": "a++",
    "too long": "a" * (patterns.LONGEST + 1),
    "a lone surrogate": "\ud800",
}
SLOW = {
    "alternatives alike": "^(a|a)*$",
    "nested repetitions": "^(a+)+$",
    "overlapping repetitions": "(x+x+)+y",
    "optional parts": "(a?)" * 120 + "a" * 120,
    "many gaps": ".*a" * 300 + "b",
    "a choice of the same": "(a|aa)+$",
    "nested groups": "(" * 300 + "a" + ")" * 300 + "$b",
    "a long repetition": "(a{0,999}b?){0,1}$c",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_pattern_that_cannot_be_bounded_is_refused(name: str) -> None:
    with pytest.raises(PatternRefusedError):
        patterns.check(REFUSED[name])
    assert not patterns.is_found(REFUSED[name][:2], "")


# With Python's own engine most of these would not end within the test's limit of time.
@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("letter", "ax")
def test_a_pattern_that_others_need_ages_for_is_answered(name: str, letter: str) -> None:
    patterns.check(SLOW[name])
    patterns.is_found(SLOW[name], letter * 10_000 + "!")


@pytest.mark.parametrize(
    ("pattern", "found", "is_found"),
    [
        ("^pro.*n$", "production", True),
        ("^PRO", "production", False),
        ("(?i)^PRO", "production", True),
        ("b|c", "abc", True),
        ("", "abc", True),
        (r"\d+", "version 3", True),
        ("ü", "für", True),
        ("^.$", "ü", True),
        ("^.$", "\ud800", True),
        ("a", None, False),
        (None, "a", False),
        ("1", 1, False),
    ],
)
def test_patterns_mean_what_they_mean_elsewhere(
    pattern: object, found: object, is_found: bool
) -> None:
    assert patterns.is_found(pattern, found) is is_found


def test_every_connection_of_mlflows_engine_matches_so(tmp_path: Path) -> None:
    engine = create_sqlalchemy_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.connect() as before:
        before.execute(text("SELECT 1"))
    patterns.use_in(engine)
    with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):
            hard = connection.execute(
                text("SELECT :text REGEXP '^(a|a)*$'"), {"text": "a" * 99 + "!"}
            )
            assert hard.scalar_one() == 0
            assert connection.execute(text("SELECT 'abc' REGEXP 'b'")).scalar_one() == 1
    engine.dispose()
