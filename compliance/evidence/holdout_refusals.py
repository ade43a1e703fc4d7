"""Refuses columns by how many cells are wrong, never by which."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from compliance.errors import EvidenceError


def refuse_cells(called: str, expected: str, fine: Any, values: Any) -> None:
    """Refuse a column if any present cell is not fine.

    Raises:
        EvidenceError: says how many.
    """
    bad = int(pc.sum(pc.and_(pc.is_valid(values), pc.invert(pc.fill_null(fine, False)))).as_py())
    if bad:
        raise cells(called, expected, bad)


def cells(called: str, expected: str, count: int) -> EvidenceError:
    """Return the refusal of a column by how many of its cells are not as expected."""
    found = "1 cell that is not" if count == 1 else f"{count} cells that are not"
    return EvidenceError(
        f"{called}: expected {expected}, found {found}",
        hint="correct that column of the holdout (a missing value is an empty cell), "
        "or the model's signature",
    )
