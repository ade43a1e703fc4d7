"""Gets a model's answers on the holdout and on the rows that rules perturb.

A check is code that anybody may install: whatever it raises, returns or does to its copy of the
rows fails its own rule, and no other.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compliance.checks.check import Judge, Perturbed
from compliance.domain import quoting
from compliance.domain.facts import Missing, Probe, seed_of
from compliance.domain.result import Outcome
from compliance.errors import SandboxError
from compliance.judging.odd_rows import odd_rows
from compliance.judging.ports import Prober

if TYPE_CHECKING:
    import pandas as pd

    from compliance.sandbox.answers import Answers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """The rows that rules want predictions for, besides the holdout.

    Attributes:
        rows: rule id to its perturbed rows.
        failed: rule id to why it has none.
    """

    rows: Mapping[str, Sequence[Perturbed]] = field(default_factory=dict)
    failed: Mapping[str, Missing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model answered.

    Attributes:
        in_order: answers about the holdout, then about every frame of `rows`, rule by rule.
        rows, failed: as in `Asked`.
    """

    in_order: Sequence[Answers]
    rows: Mapping[str, Sequence[Perturbed]]
    failed: Mapping[str, Missing]

    def probes(self, columns: Sequence[NDArray[np.float64]]) -> dict[str, tuple[Probe, ...]]:
        """Split the coded answers by rule, without those on the holdout."""
        rest = iter(columns)
        return {
            rule_id: tuple(Probe(probe.rows, next(rest)) for probe in perturbed)
            for rule_id, perturbed in self.rows.items()
        }


def perturb(
    judges: Mapping[str, Judge], features: pd.DataFrame, manifest_digest: str, data_digest: str
) -> Asked:
    """Let every rule perturb its own copy of the features."""
    rows: dict[str, Sequence[Perturbed]] = {}
    failed: dict[str, Missing] = {}
    for rule_id, judge in sorted(judges.items()):
        if judge.perturb is None:
            continue
        seed = seed_of(manifest_digest, data_digest, rule_id)
        try:
            # Cells with parts are shared by pandas' own copies.
            own = pickle.loads(pickle.dumps(features, protocol=5))  # noqa: S301 (pickled just here)
            found = tuple(judge.perturb(own, seed))
            rows[rule_id] = tuple(_sound(one, len(features)) for one in found)
        except KeyboardInterrupt:
            raise
        except BaseException as err:  # its text may hold data
            log.error("rule %s could not perturb: %s", rule_id, quoting.cause(err))
            failed[rule_id] = Missing(
                Outcome.ERROR,
                f"the check itself failed: {quoting.cause(err)}",
                "report this to the check's author",
            )
    return Asked(rows, failed)


def _sound(perturbed: Perturbed, size: int) -> Perturbed:
    """Validate what a check perturbed: rows of the holdout and a frame that can be sent.

    Raises:
        TypeError, ValueError: it is something else.
    """
    import pandas as pd

    if not (isinstance(perturbed, Perturbed) and isinstance(perturbed.frame, pd.DataFrame)):
        raise TypeError("expected perturbed rows and their frame")
    rows = np.array(perturbed.rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) != len(perturbed.frame):
        raise ValueError("expected one position per row")
    if len(rows) == 0 or rows.min() < 0 or rows.max() >= size:
        raise ValueError("expected positions in the holdout")
    pickle.dumps(perturbed.frame, protocol=5)
    rows = rows.astype(np.int64)
    rows.setflags(write=False)
    return Perturbed(rows, perturbed.frame)


def ask(prober: Prober, folder: Path, features: pd.DataFrame, asked: Asked) -> Answered:
    """Ask a model about all rows at once; if that fails, about each rule's rows separately.

    Raises:
        SandboxError: the model fails on the holdout itself, or does not survive odd rows.
        PlatformError: the sandbox does not answer.
    """
    frames = [probe.frame for probes in asked.rows.values() for probe in probes]
    odd = odd_rows(features)
    try:
        answers = prober.predict(folder, [features, *frames], odd).answers
        return Answered(answers, asked.rows, asked.failed)
    except SandboxError:
        if not frames:
            raise
    found = list(prober.predict(folder, [features], odd).answers)
    rows, failed = {}, dict(asked.failed)
    for rule_id, probes in asked.rows.items():
        try:
            found += prober.predict(folder, [probe.frame for probe in probes]).answers
            rows[rule_id] = probes
        except SandboxError as err:
            failed[rule_id] = Missing(
                Outcome.ERROR,
                f"on perturbed rows, {quoting.of_model(err.message)}",
                err.hint or "see the report",
            )
    return Answered(found, rows, failed)
