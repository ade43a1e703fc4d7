"""Arguments of operations come from the network: what is no value of their kind is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra import operation_arguments as arguments
from infra.errors import UsageError

READERS: dict[str, Callable[[Any], object]] = {
    "text": lambda value: arguments.text({"x": value}, "x"),
    "number": lambda value: arguments.number({"x": value}, "x"),
    "flag": lambda value: arguments.flag({"x": value}, "x"),
    "mapping": lambda value: arguments.mapping({"x": value}, "x"),
    "texts": lambda value: arguments.texts({"x": value}, "x"),
}
RIGHT: dict[str, list[Any]] = {
    "text": ["", "ä", "x" * 10_000],
    "number": [0, 1, 2**63 - 1],
    "flag": [True, False],
    "mapping": [{}, {"a": 1}],
    "texts": [[], ["a", "b"]],
}
VALUES: list[Any] = [
    None, "", "a\0b", "\ud800", "x" * 10_001, 0, -1, 2**63, 1.0, True, False, [], ["a"], [1], {},
]  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
def test_a_value_of_its_kind_is_returned(kind: str) -> None:
    for value in RIGHT[kind]:
        found = READERS[kind](value)
        assert (list(found) if isinstance(found, tuple) else found) == value


@pytest.mark.parametrize("kind", READERS)
def test_every_other_value_is_refused_by_its_name(kind: str) -> None:
    for value in VALUES:
        if any(value is right or (value == right and type(value) is type(right))
               for right in [*RIGHT[kind], ["a"] if kind == "texts" else None]):  # fmt: skip
            continue
        if kind == "flag" and value is None:
            continue
        with pytest.raises(UsageError, match="expected x"):
            READERS[kind](value)


def test_what_is_missing_has_its_default_or_is_refused() -> None:
    assert arguments.text({}, "x", "otherwise") == "otherwise"
    assert arguments.flag({}, "x") is False
    assert arguments.texts({}, "x") == ()
    for reader in (arguments.text, arguments.number, arguments.mapping):
        with pytest.raises(UsageError, match="found none"):
            reader({}, "x")


def test_an_argument_that_an_operation_has_not_is_refused() -> None:
    arguments.no_others({"id": 1}, "id", "dry_run")
    with pytest.raises(UsageError, match=r"expected id, dry_run, found dryrun"):
        arguments.no_others({"id": 1, "dryrun": True}, "id", "dry_run")
