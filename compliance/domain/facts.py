"""Facts that a rule may use: values only, gathered before any rule runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from compliance.domain.result import Outcome, RuleResult, failed_with
from registry.lineage.domain.completeness import Completeness


class Task(StrEnum):
    """What a model does, as the evidence catalogue says."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there are no predictions to look at.

    Attributes:
        outcome: INSUFFICIENT when evidence is lacking, ERROR when the model failed.
    """

    outcome: Outcome
    found: str
    fix: str

    def result(self, expected: str) -> RuleResult:
        """Return the answer of a rule that cannot measure."""
        return failed_with(self.outcome, self.found, expected, self.fix)


@dataclass(frozen=True, slots=True)
class Probe:
    """Predictions on rows that a rule has perturbed.

    Attributes:
        rows: positions of those rows in the holdout.
        predictions: one per row, coded as `Evaluation.predictions`.
    """

    rows: NDArray[np.int64]
    predictions: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's answers on the digest-pinned holdout; every rule sees the same, read-only arrays.

    Attributes:
        labels, predictions: one per row. Class codes (positions in `classes`) for a
            classification, values for a regression.
        classes: every label and predicted class as it may be shown, in the order of their text;
            those of few holdout rows have one name. Empty for a regression.
        positive: code of the favourable class, or None.
        groups: sensitive attribute to the group of each row.
        probes: rule id to its perturbed predictions.
        unasked: rule id to why its perturbed rows have no predictions.
        data_digest: of what the model saw; seeds depend on it.
    """

    task: Task
    labels: NDArray[np.float64]
    predictions: NDArray[np.float64]
    classes: tuple[str, ...] = ()
    positive: int | None = None
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    probes: Mapping[str, tuple[Probe, ...]] = field(default_factory=dict)
    unasked: Mapping[str, Missing] = field(default_factory=dict)
    data_digest: str = ""

    @property
    def n(self) -> int:
        """Return the number of rows in the holdout."""
        return len(self.labels)

    @property
    def labels_vary(self) -> bool:
        """Whether the labels differ, so that there is something to predict."""
        return bool(np.any(self.labels != self.labels[0]))


@dataclass(frozen=True, slots=True)
class Lineage:
    """The origin that a version claims; empty text means unknown.

    Attributes:
        completeness: every part of the origin; None if it was not derived.
        commit_is_known: whether the platform's git repository has the commit; None where there is
            no repository to look in, so that the commit is what the client says.
    """

    run_id: str
    dataset_digest: str
    git_commit: str
    completeness: Completeness | None = None
    commit_is_known: bool | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What the allow-list scan of the model's files found.

    Attributes:
        violations: everything that is not on the list; empty means safe to load in the sandbox.
        files: number of files looked at.
    """

    violations: tuple[str, ...]
    files: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known about one version.

    Attributes:
        signature_inputs, signature_outputs: number of columns the signature declares; 0 is none.
        description: the longest text that documents the model or this version.
        confinement: names of the layers that kept the model from everything else.
    """

    name: str
    semver: str
    task: Task | None
    evaluation: Evaluation | Missing
    scan: Scan
    lineage: Lineage
    signature_inputs: int
    signature_outputs: int
    description: str
    confinement: tuple[str, ...] = ()


def seed_of(manifest_digest: str, dataset_digest: str, rule_id: str) -> int:
    """Return the seed of a rule's random numbers: equal inputs always give the same scorecard."""
    import hashlib

    text = "|".join((manifest_digest, dataset_digest, rule_id))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
