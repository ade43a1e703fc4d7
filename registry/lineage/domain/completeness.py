"""Measures how much of a version's origin is known, and says how to fill the gaps. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FIRST = "none: the first version"
"""Parent of a version that has none; that is known, too."""


@dataclass(frozen=True, slots=True)
class Origins:
    """What is known of a version's origin; "" where unknown.

    Attributes:
        parent: the version before, or `FIRST`.
    """

    run: str = ""
    dataset_digest: str = ""
    git_commit: str = ""
    logged_model: str = ""
    signature: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class OriginPart:
    """One part of a version's origin; where `found` is "", unknown, `fix` says how to add it."""

    name: str
    found: str
    fix: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """What is known, part by part."""

    parts: tuple[OriginPart, ...]

    @property
    def share(self) -> float:
        """Known parts over all parts, in [0, 1]."""
        return sum(bool(part.found) for part in self.parts) / len(self.parts)

    @property
    def missing(self) -> tuple[OriginPart, ...]:
        """What is unknown."""
        return tuple(part for part in self.parts if not part.found)


def completeness(known: Origins) -> Completeness:
    """Return which parts of an origin are known."""
    return Completeness(
        (
            OriginPart(
                "run", known.run, "log the model inside a run: with mlflow.start_run(): ..."
            ),
            OriginPart(
                "dataset digest",
                known.dataset_digest,
                'in that run: mlflow.log_input(mlflow.data.from_pandas(train), "training")',
            ),
            OriginPart("git commit", known.git_commit, "train from a git checkout"),
            OriginPart(
                "logged model",
                known.logged_model,
                'register what was logged: log_model(..., registered_model_name="...")',
            ),
            OriginPart(
                "signature",
                known.signature,
                "log it with signature=infer_signature(X, model.predict(X))",
            ),
            OriginPart(
                "parent",
                known.parent,
                "register it through the governed server, which keeps the version before",
            ),
        )
    )


def shown_signature(inputs: int, outputs: int) -> str:
    """Return how many columns a signature declares; "" where there is no signature."""
    if not inputs and not outputs:
        return ""
    counts = {"input": inputs, "output": outputs}
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items())


def completeness_view(found: Completeness) -> dict[str, Any]:
    """Return a share in [0, 1] and each part, with a hint where one is missing."""
    return {
        "share": round(found.share, 4),
        "parts": [
            {"name": part.name, "found": part.found or None, "fix": "" if part.found else part.fix}
            for part in found.parts
        ],
    }
