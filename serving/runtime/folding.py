"""Flat row-major values and nested lists, one into the other."""

from __future__ import annotations

from serving.runtime.problem import bad_request, kind_of


def folded(values: list[object], shape: object, label: str) -> list[object]:
    """Fold flat row-major `values` into nested lists of `shape`.

    Raises:
        ProblemError: 400, the shape is none, or holds another number of values.
    """
    if (
        not isinstance(shape, list)
        or not shape
        or not all(type(length) is int and length >= 0 for length in shape)
    ):
        raise bad_request(f"{label}.shape: expected a list of lengths, found {kind_of(shape)}")
    count = 1
    for length in shape:
        count *= length
    if count != len(values):
        raise bad_request(f"{label}: shape {shape} holds {count} values, found {len(values)}")
    nested = values
    for length in reversed(shape[1:]):
        nested = [nested[at : at + length] for at in range(0, len(nested), length or 1)]
    return nested


def flattened(values: list[object]) -> list[object]:
    """Return the values of nested lists, row by row."""
    flat: list[object] = []
    stack = [iter(values)]
    while stack:
        for value in stack[-1]:
            if isinstance(value, list):
                stack.append(iter(value))
                break
            flat.append(value)
        else:
            stack.pop()
    return flat
