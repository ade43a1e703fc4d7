"""The constitution's schema: what the YAML document may say, strictly typed."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from compliance.domain.facts import Task
from registry.domain.values import Enforcement, Stage
from registry.governance.domain.approval_rules import (
    MOST_HOURS,
    ApprovalRules,
    quorum_of,
)
from registry.governance.domain.governance import Pattern

API_VERSION = "acgs.governance/v1"


class Mode(StrEnum):
    """How a rule counts. A failed gate vetoes, whatever the mean is; its score counts too."""

    GATE = "gate"
    SCORE = "score"


class Strict(BaseModel):
    """Base of the schema: unknown keys refused, nothing coerced, frozen."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


def _member(kind: type[StrEnum]) -> BeforeValidator:
    # Strict mode wants the member itself; YAML can only write its text.
    known = {str(member): member for member in kind}

    def read(raw: object) -> object:
        if isinstance(raw, kind):
            return raw
        if not isinstance(raw, str) or raw not in known:
            raise ValueError(f"expected one of {', '.join(known)}, found {raw!r}")
        return known[raw]

    return BeforeValidator(read)


# YAML has lists only.
Listed = BeforeValidator(lambda raw: tuple(raw) if isinstance(raw, list) else raw)


def _pattern(raw: str) -> str:
    return Pattern(raw, Enforcement.ENFORCE).pattern


NamePattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]*$", max_length=80)]
AnEnforcement = Annotated[Enforcement, _member(Enforcement)]
ATask = Annotated[Task, _member(Task)]
AMode = Annotated[Mode, _member(Mode)]
AStage = Annotated[Stage, _member(Stage)]


class Metadata(Strict):
    """Name, version and identifier of the constitution."""

    name: str
    version: str
    constitutional_hash: str = Field(pattern=r"^[0-9a-f]{16}$")


class AppliesTo(Strict):
    """Names that are governed, and how strictly."""

    pattern: NamePattern
    enforcement: AnEnforcement


def _approvals(raw: object) -> object:
    quorum_of(raw)
    return raw


Approvals = Annotated[int | dict[str, int], BeforeValidator(_approvals)]
Hours = Annotated[float | None, Field(gt=0, le=MOST_HOURS)]


class Bar(Strict):
    """What a stage asks for.

    Attributes:
        approvals: people who must approve: a number, or one for each role.
        approval_expires_after_hours: for how long an approval counts; without, as long as its
            request is open.
        request_expires_after_hours: for how long a request may stay open; without, for ever.
    """

    min_score: float = Field(ge=0, le=1)
    approvals: Approvals
    approval_expires_after_hours: Hours = None
    request_expires_after_hours: Hours = None

    @property
    def rules(self) -> ApprovalRules:
        """What the stage asks of people."""
        return ApprovalRules(
            quorum_of(self.approvals),
            self.approval_expires_after_hours,
            self.request_expires_after_hours,
        )

    @property
    def approvals_needed(self) -> int:
        """How many people must approve, over all roles."""
        return len(self.rules.seats())


class Stages(Strict):
    """What each governed stage asks for."""

    staging: Bar = Field(alias="Staging")
    production: Bar = Field(alias="Production")


class Rule(Strict):
    """One named check with its parameters.

    Attributes:
        weight: relative to the principle's other rules.
        tasks: tasks it applies to; empty means every task its check can judge.
        stages: targets it is asked for.
    """

    id: Identifier
    check: str
    mode: AMode = Mode.SCORE
    weight: float = Field(1.0, gt=0, le=1000)
    tasks: Annotated[tuple[ATask, ...], Listed] = ()
    stages: Annotated[tuple[AStage, ...], Listed] = (Stage.STAGING, Stage.PRODUCTION)
    params: dict[str, object] = Field(default_factory=dict)
    fix: str = ""


class Principle(Strict):
    """One value that is upheld, with its share of the score.

    Attributes:
        labels: paragraphs of regulations it gives evidence for; never proof of conformity.
    """

    id: Identifier
    title: str
    weight: float = Field(gt=0, le=1)
    labels: Annotated[tuple[str, ...], Listed] = ()
    rules: Annotated[tuple[Rule, ...], Listed] = Field(min_length=1)


class Constitution(Strict):
    """The whole document."""

    api_version: Literal["acgs.governance/v1"]
    kind: Literal["Constitution"]
    metadata: Metadata
    applies_to: Annotated[tuple[AppliesTo, ...], Listed] = Field(min_length=1)
    stages: Stages
    principles: Annotated[tuple[Principle, ...], Listed] = Field(min_length=1)

    @model_validator(mode="after")
    def _weights_add_up(self) -> Constitution:
        total = sum((exact(p.weight) for p in self.principles), Decimal(0))
        if total != 1:
            parts = " + ".join(f"{p.id} {p.weight}" for p in self.principles)
            raise ValueError(f"weights of the principles must add up to 1, found {parts} = {total}")
        return self

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Constitution:
        seen: set[str] = set()
        for identifier in [p.id for p in self.principles] + [
            r.id for p in self.principles for r in p.rules
        ]:
            if identifier in seen:
                raise ValueError(f"ids must be unique, found {identifier!r} twice")
            seen.add(identifier)
        return self

    def bar(self, target: Stage) -> Bar:
        """Return what a stage asks for.

        Raises:
            ValueError: the stage is not governed.
        """
        match target:
            case Stage.STAGING:
                return self.stages.staging
            case Stage.PRODUCTION:
                return self.stages.production
            case Stage.NONE | Stage.ARCHIVED:
                raise ValueError(f"stage {target} is not governed")

    def enforcement(self, name: str) -> Enforcement | None:
        """Return how strictly a name is governed; the first match wins, None means ungoverned."""
        return next(
            (
                a.enforcement
                for a in self.applies_to
                if Pattern(a.pattern, a.enforcement).matches(name)
            ),
            None,
        )


def exact(number: float) -> Decimal:
    """Return the decimal that a person wrote: 0.1, not the nearest binary fraction."""
    return Decimal(str(number))
