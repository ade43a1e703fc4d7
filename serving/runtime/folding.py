"""Converts flat row-major values to nested lists and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from serving.runtime.problem import bad_request, kind_of

MAX_RANK = 32
"""Dimensions of a tensor; every numpy holds as many."""


def flattened(values: list[object], shape: object, label: str) -> tuple[list[object], list[int]]:
    """Check `values` against their shape.

    Args:
        values: flat and row-major, or nested as `shape` says.
        shape: as the client sent it.
        label: where the tensor stands, for the message.

    Returns:
        The flat values, and the lengths of the shape.

    Raises:
        ProblemError: 400, the shape is none, or the values are nested or counted otherwise.
    """
    lengths = _lengths(shape, label)
    flat, found = unfolded(values, label)
    if len(found) > 1 and found != lengths:
        raise bad_request(f"{label}: expected flat data or shape {lengths}, found {found}")
    count = math.prod(lengths)
    if count != len(flat):
        raise bad_request(f"{label}: shape {lengths} holds {count} values, found {len(flat)}")
    return flat, lengths


def folded(flat: list[object], lengths: list[int]) -> list[object]:
    """Convert flat row-major values to nested lists."""
    nested = flat
    for length in reversed(lengths[1:]):
        nested = [nested[at : at + length] for at in range(0, len(nested), length or 1)]
    return nested


def _lengths(shape: object, label: str) -> list[int]:
    if not isinstance(shape, list) or not shape:
        raise bad_request(f"{label}.shape: expected a list of lengths, found {kind_of(shape)}")
    if len(shape) > MAX_RANK:
        raise bad_request(f"{label}.shape: expected at most {MAX_RANK} lengths, found {len(shape)}")
    for length in shape:
        if type(length) is not int or not 0 <= length < 2**63:
            raise bad_request(
                f"{label}.shape: expected a list of lengths, found {kind_of(length)} in it"
            )
    return shape


def unfolded(
    values: Sequence[object], label: str, rank: int = MAX_RANK
) -> tuple[list[object], list[int]]:
    """Return the values of nested lists, row by row, and their shape.

    Args:
        values: the outermost list.
        label: where it stands, for the message.
        rank: levels to open; lists below them are cells.

    Raises:
        ProblemError: 400, lists of one level are not equally long, or stand beside other values.
    """
    level, shape = list(values), [len(values)]
    while len(shape) < rank and level and list in (kinds := set(map(type, level))):
        lists = [item for item in level if isinstance(item, list)]
        lengths = set(map(len, lists))
        if len(kinds) > 1 or len(lengths) > 1:
            raise bad_request(f"{label}: expected lists of equal length, found {_ragged(level)}")
        shape.append(lengths.pop())
        level = list(chain.from_iterable(lists))
    return level, shape


def _ragged(level: list[object]) -> str:
    first = kind_of(level[0])
    for index, item in enumerate(level):
        if kind_of(item) != first and (isinstance(item, list) or isinstance(level[0], list)):
            return f"{first} and, as item {index} of its level, {kind_of(item)}"
    return "others"
