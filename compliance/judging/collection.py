"""Gathers the facts about one version: the only part of judging that reads anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compliance.checks.check import Judge
from compliance.domain import classes, quoting
from compliance.domain.classes import as_texts
from compliance.domain.facts import Evaluation, Missing, Scan, Task
from compliance.domain.result import Outcome
from compliance.errors import EvidenceError, SandboxError
from compliance.evidence import holdout_columns, model_inputs
from compliance.evidence.catalogue import how_to_bind
from compliance.evidence.evidence_file import Holdout
from compliance.evidence.features import select_features
from compliance.judging import probes
from compliance.judging.ports import Prober
from compliance.judging.probes import Answered
from registry.domain.signature import Signature
from registry.errors import ArtifactError

if TYPE_CHECKING:
    import pandas as pd

    from compliance.sandbox.answers import Answers


@dataclass(frozen=True, slots=True)
class Subject:
    """The version to gather facts about.

    Attributes:
        inferred: signature that the registry inferred from a logged example; it gives types to
            a model whose files declare none.
    """

    manifest_digest: str
    folder: Path
    inferred: Signature | None = None


def no_evidence(name: str) -> Missing:
    """Return the result for a name that is bound to no holdout."""
    return Missing(Outcome.INSUFFICIENT, f"no evidence binding for {name!r}", how_to_bind(name))


def unsafe(scan: Scan) -> Missing:
    """Return the result for a model that was not loaded because of its files."""
    return Missing(
        Outcome.ERROR,
        f"the model was not loaded: {scan.violations[0]}",
        "make the artifact pass safety.artifact first",
    )


def evaluate(
    prober: Prober, subject: Subject, holdout: Holdout, judges: Mapping[str, Judge]
) -> Evaluation | Missing:
    """Get the model's answers on the holdout, and on the rows that rules perturb.

    Returns:
        The answers, or why there are none, without a cell of the holdout or a word of the model.

    Raises:
        PlatformError: a store or the sandbox does not answer.
    """
    binding = holdout.binding
    try:
        inputs = model_inputs.read(subject.folder)
        if not inputs.is_declared:
            inputs = model_inputs.inferred(subject.inferred)
        features = select_features(holdout.table, binding, inputs)
        data = features_digest(features) or binding.sha256
        perturbed = probes.perturb(judges, features, subject.manifest_digest, data)
        answers = probes.ask(prober, subject.folder, features, perturbed)
        return _evaluation(holdout, data, answers)
    except SandboxError as err:
        return Missing(Outcome.ERROR, quoting.of_model(err.message), err.hint or "see the report")
    except (EvidenceError, ArtifactError) as err:
        return Missing(Outcome.ERROR, err.message, err.hint or "see the report")


def features_digest(features: pd.DataFrame) -> str:
    """Return a digest of the cells, whichever file they came from; empty where they have parts.

    Random numbers depend on it, so that CSV and Parquet of a table give the same scorecard.
    """
    import hashlib

    import pandas as pd

    try:
        rows = pd.util.hash_pandas_object(features, index=False).to_numpy()
    except TypeError:  # lists and mappings in cells
        return ""
    return hashlib.sha256(rows.tobytes()).hexdigest()


def _evaluation(holdout: Holdout, data_digest: str, answers: Answered) -> Evaluation:
    binding, table = holdout.binding, holdout.table
    names: tuple[str, ...] = ()
    positive = None
    if binding.task is Task.CLASSIFICATION:
        truth = as_texts(holdout_columns.texts(table, binding.label))
        coded = classes.code([truth, *map(as_texts, answers.in_order)])
        columns = coded.codes
        names = _names(coded.texts, columns[0])
        positive = coded.find(binding.positive_label)
    else:
        labels = holdout_columns.numbers(table, binding.label)
        columns = (labels, *map(_as_numbers, answers.in_order))
    groups = {
        name: classes.same_texts(holdout_columns.texts(table, name)) for name in binding.sensitive
    }
    for array in (*columns, *groups.values()):
        array.setflags(write=False)  # a rule must not change what the next rule sees
    return Evaluation(
        task=binding.task,
        data_digest=data_digest,
        labels=columns[0],
        predictions=columns[1],
        classes=names,
        positive=positive,
        groups=groups,
        probes=answers.probes(columns[2:]),
        unasked=answers.failed,
    )


def _names(texts: Sequence[str], labels: NDArray[np.float64]) -> tuple[str, ...]:
    """Name the classes of the holdout, and those that only the model answers."""
    rows = np.bincount(labels.astype(np.int64), minlength=len(texts)).tolist()
    return tuple(map(classes.shown, texts, rows))


def _as_numbers(values: Answers) -> NDArray[np.float64]:
    if isinstance(values, list):
        raise EvidenceError(
            "expected numbers as answers for a regression, found text",
            hint="correct the task or the label in the evidence binding",
        )
    return values.astype(np.float64)
