"""Checks that a holdout fits its binding, before anything is judged on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compliance.domain.classes import MAX_SHOWN_CHARACTERS, as_texts, code, same_texts
from compliance.domain.facts import Task
from compliance.errors import EvidenceError
from compliance.evidence import holdout_columns
from compliance.evidence.catalogue import DEFAULT_POSITIVE_LABEL, Binding
from compliance.evidence.holdout_file import Table

MAX_GROUPS = 1000
"""A column with more groups is a key rather than an attribute, and comparing takes minutes."""


def check(path: Path, binding: Binding, table: Table) -> None:
    """Check columns, empty cells, and that labels and groups suit the task.

    Raises:
        EvidenceError: names what does not fit; never quotes a cell.
    """
    wanted = [binding.label, *binding.sensitive, *binding.features]
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise EvidenceError(
            f"{path}: expected the columns {', '.join(missing)}, found {len(table.columns)} "
            "columns without them",
            hint="correct the names in the catalogue, or write the dataset with its column names "
            "in the first line: frame.to_csv(path, index=False)",
        )
    for column in (binding.label, *binding.sensitive):
        empty = holdout_columns.missing(table, column)
        if empty:
            raise EvidenceError(
                f"{path}: expected a value in every row of {column}, found {empty} empty cells",
                hint="leave rows without a label or group out of the holdout",
            )
    _check_label(path, binding, table)
    for column in binding.sensitive:
        _check_groups(path, column, table)


def _check_label(path: Path, binding: Binding, table: Table) -> None:
    try:
        if binding.task is Task.CLASSIFICATION:
            holdout_columns.texts(table, binding.label)
            return
        labels = holdout_columns.numbers(table, binding.label)
    except EvidenceError as err:
        raise EvidenceError(
            f"{path}: {err.message}, for a {binding.task}",
            hint="correct the task or the label in the evidence binding",
        ) from None
    infinite = int(np.sum(~np.isfinite(labels)))
    if infinite:
        raise EvidenceError(
            f"{path}: column {binding.label}: expected finite numbers, found {infinite} that are "
            "not",
            hint="leave rows without a finite label out of the holdout",
        )


def _check_groups(path: Path, column: str, table: Table) -> None:
    try:
        groups = set(same_texts(holdout_columns.texts(table, column)).tolist())
    except EvidenceError as err:
        raise EvidenceError(f"{path}: {err.message}", hint=err.hint) from None
    if len(groups) > MAX_GROUPS:
        raise EvidenceError(
            f"{path}: column {column}: expected at most {MAX_GROUPS} groups, found {len(groups)}",
            hint="bring its values into fewer groups, such as ranges",
        )
    if any(len(group) > MAX_SHOWN_CHARACTERS for group in groups):
        raise EvidenceError(
            f"{path}: column {column}: expected names of groups of at most {MAX_SHOWN_CHARACTERS} "
            "characters, found longer ones",
            hint="give its groups short names",
        )


def check_positive(path: Path, binding: Binding, table: Table) -> None:
    """Check that the favourable class is one of the label's classes.

    Raises:
        EvidenceError: it is not, and it was named or a fairness rule would ask for it.
    """
    asked = bool(binding.sensitive) or binding.positive_label != DEFAULT_POSITIVE_LABEL
    if binding.task is not Task.CLASSIFICATION or not asked:
        return
    found = code([as_texts(holdout_columns.texts(table, binding.label))])
    if found.find(binding.positive_label) is None:
        raise EvidenceError(
            f"{path}: expected the favourable class {binding.positive_label!r} among the classes "
            f"of {binding.label}, found {len(found.texts)} others",
            hint="name the favourable class as the label column writes it: --positive-label",
        )
