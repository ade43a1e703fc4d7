"""Checks whether a version's origin, inputs and purpose are known."""

from __future__ import annotations

from pydantic import Field

from compliance.checks.check import Check, Context, NoParams, Params
from compliance.domain.result import Outcome, RuleResult


class LineageParams(Params):
    """Least share of the six parts of an origin that must be known: `acgs lineage show`.

    With `commit_in_repository`, `ACGS_GIT_REPOSITORY` must have the commit too: it else is what
    the client says.
    """

    min_completeness: float = Field(0.0, ge=0, le=1)
    commit_in_repository: bool = False


class DocumentationParams(Params):
    """Least length of the description, in characters."""

    min_characters: int = Field(80, ge=1)


def _graded(score: float, observed: str, expected: str, fix: str) -> RuleResult:
    passed = score == 1.0
    return RuleResult(
        Outcome.PASS if passed else Outcome.FAIL, score, observed, expected, "" if passed else fix
    )


def signature(_params: NoParams, context: Context) -> RuleResult:
    """Pass when the model declares its inputs and outputs."""
    facts = context.facts
    score = ((facts.signature_inputs > 0) + (facts.signature_outputs > 0)) / 2
    return _graded(
        score,
        f"{facts.signature_inputs} input and {facts.signature_outputs} output columns",
        "an MLflow signature with inputs and outputs",
        "log the model with signature=infer_signature(X, model.predict(X))",
    )


_COMMIT = {True: " (in the repository)", False: " (not in the repository)", None: " (claimed)"}


def lineage(params: LineageParams, context: Context) -> RuleResult:
    """Pass when run, training data and code are known, and enough of the rest of the origin."""
    facts = context.facts.lineage
    known = {
        "run": facts.run_id,
        "dataset digest": facts.dataset_digest,
        "git commit": facts.git_commit,
    }
    absent = [name for name, value in known.items() if not value]
    sure = {"run": "", "dataset digest": " (claimed)", "git commit": _COMMIT[facts.commit_is_known]}
    present = [f"{name} {value[:12]}{sure[name]}" for name, value in known.items() if value]
    if params.commit_in_repository and not absent and not facts.commit_is_known:
        return _graded(
            0.0,
            f"git commit {facts.git_commit[:12]}{_COMMIT[facts.commit_is_known]}",
            "a git commit that ACGS_GIT_REPOSITORY has",
            "push the code that trained it to that repository, then ask again",
        )
    result = _graded(
        1 - len(absent) / len(known),
        ("no " + ", no ".join(absent)) if absent else ", ".join(present),
        "run, dataset digest and git commit",
        "log inside a run: mlflow.log_input(mlflow.data.from_pandas(train)), from a git checkout",
    )
    origin = facts.completeness
    if origin is None or origin.share >= params.min_completeness:
        return result
    lacking = ", ".join(part.name for part in origin.missing)
    return RuleResult(
        Outcome.FAIL,
        min(result.score, origin.share),
        f"completeness {origin.share:.2f}: unknown are {lacking}",
        f"completeness of at least {params.min_completeness:.2f}",
        "; ".join(f"{part.name}: {part.fix}" for part in origin.missing),
    )


def documentation(params: DocumentationParams, context: Context) -> RuleResult:
    """Pass when somebody wrote down what the model is for."""
    written = len(" ".join(context.facts.description.split()))
    return _graded(
        1.0 if written >= params.min_characters else 0.0,
        f"{written} characters",
        f"a description of at least {params.min_characters} characters: intended use and limits",
        "describe the model or this version: in the MLflow UI, or "
        "MlflowClient().update_registered_model(name, description=...)",
    )


SIGNATURE = Check("transparency.signature", NoParams, signature)
LINEAGE = Check("traceability.lineage", LineageParams, lineage)
DOCUMENTATION = Check("transparency.documentation", DocumentationParams, documentation)
