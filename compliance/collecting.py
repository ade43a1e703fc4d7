"""Gathers the facts about one version: the only part of judging that reads anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compliance.adapters.evidence_file import Holdout
from compliance.errors import EvidenceError, SandboxError
from compliance.evidence import Binding, how_to_bind
from compliance.ports import Prober
from compliance.rules.checks import Judge, Perturbed
from compliance.rules.facts import Evaluation, Missing, Probe, Scan, Task, seed_of
from compliance.rules.result import Outcome

if TYPE_CHECKING:
    import pandas as pd

    from compliance.sandbox.answers import Answers


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged.

    Attributes:
        inputs: names of the columns that the model's signature asks for; empty without one.
    """

    manifest_digest: str
    folder: Path
    inputs: tuple[str, ...]


def no_evidence(name: str) -> Missing:
    """Say that a name is bound to no holdout."""
    return Missing(Outcome.INSUFFICIENT, f"no evidence binding for {name!r}", how_to_bind(name))


def unsafe(scan: Scan) -> Missing:
    """Say that the model was not loaded, for its own files' sake."""
    return Missing(
        Outcome.ERROR,
        f"the model was not loaded: {scan.violations[0]}",
        "make the artifact pass safety.artifact first",
    )


def evaluate(
    prober: Prober, subject: Subject, holdout: Holdout, judges: Mapping[str, Judge]
) -> Evaluation | Missing:
    """Ask the model about the holdout, and about the rows that rules perturb.

    Returns:
        The answers, or why there are none; a model's failure is never an exception here.
    """
    binding = holdout.binding
    try:
        features = select_features(holdout.frame, binding, subject.inputs)
        asked = {
            rule_id: tuple(
                judge.perturb(features, seed_of(subject.manifest_digest, binding.sha256, rule_id))
            )
            for rule_id, judge in sorted(judges.items())
            if judge.perturb is not None
        }
        frames = [features, *(probe.frame for probes in asked.values() for probe in probes)]
        answers = prober.predict(subject.folder, frames).answers
        return _evaluation(binding, holdout.frame, asked, answers)
    except (SandboxError, EvidenceError) as err:
        return Missing(Outcome.ERROR, err.message, err.hint or "see the report")


def select_features(frame: pd.DataFrame, binding: Binding, inputs: Sequence[str]) -> pd.DataFrame:
    """Return what the model may see; never the label.

    Raises:
        EvidenceError: the signature asks for the label, or for a column the holdout lacks.
    """
    if binding.label in inputs:
        raise EvidenceError(
            f"the model's signature asks for the label {binding.label!r}",
            hint="train without the label among the features",
        )
    held_back = {binding.label, *binding.sensitive}
    named = all(not name.isdigit() for name in inputs)
    wanted = list(binding.features) or (list(inputs) if named else [])
    columns = wanted or [c for c in frame.columns if c not in held_back]
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise EvidenceError(
            f"the holdout lacks the columns {', '.join(missing)} that the model asks for",
            hint="pin a holdout with those columns: acgs evidence add ... --replace",
        )
    return frame.loc[:, columns].reset_index(drop=True)


def _evaluation(
    binding: Binding,
    frame: pd.DataFrame,
    asked: Mapping[str, Sequence[Perturbed]],
    answers: Sequence[Answers],
) -> Evaluation:
    truth = frame[binding.label].to_numpy()
    classes: tuple[str, ...] = ()
    if binding.task is Task.CLASSIFICATION:
        texts = [as_texts(column) for column in (truth, *answers)]
        known = np.unique(np.concatenate(texts))
        classes = tuple(str(text) for text in known)
        columns = [np.searchsorted(known, column).astype(np.float64) for column in texts]
    else:
        columns = [_as_numbers(column) for column in (truth, *answers)]
    rest = iter(columns[2:])
    probes = {
        rule_id: tuple(Probe(probe.rows, next(rest)) for probe in perturbed)
        for rule_id, perturbed in asked.items()
    }
    positive = binding.positive_label
    return Evaluation(
        task=binding.task,
        labels=columns[0],
        predictions=columns[1],
        classes=classes,
        positive=classes.index(positive) if positive in classes else None,
        groups={name: frame[name].astype(str).to_numpy(dtype=str) for name in binding.sensitive},
        probes=probes,
    )


def as_texts(values: Answers) -> NDArray[np.str_]:
    """Write classes as text, so that 1, 1.0, True and "1" are one class."""
    distinct, positions = np.unique(np.asarray(values), return_inverse=True)
    texts = np.array([_as_text(value) for value in distinct.tolist()], dtype=str)
    return texts[positions.reshape(-1)]


def _as_text(value: object) -> str:
    if isinstance(value, (bool, int, float)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _as_numbers(values: Answers) -> NDArray[np.float64]:
    try:
        return np.asarray(values).astype(np.float64)
    except (ValueError, TypeError) as err:
        raise EvidenceError(
            f"expected numbers for a regression, found {np.asarray(values)[:1]!r}",
            hint="correct the task or the label in the evidence binding",
        ) from err
