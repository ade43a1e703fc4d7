"""What a model is judged on: the evidence catalogue's schema."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from compliance.constitution.document import ATask, Listed, NamePattern, Strict
from compliance.domain.facts import Task
from registry.domain.values import Enforcement
from registry.governance.domain.governance import Pattern

Names = Annotated[tuple[str, ...], Listed]
DEFAULT_POSITIVE_LABEL = "1"


class Binding(Strict):
    """Ties a name pattern to a digest-pinned holdout.

    Attributes:
        pattern: of governed names, compared without case; the first match wins.
        dataset: parquet or CSV file, relative to the catalogue.
        sha256: of that file's bytes.
        label: column with the truth; a model never sees it.
        sensitive: columns whose groups must be treated alike; need not be inputs.
        positive_label: the favourable class, as text; "1", "1.0" and "True" are one.
        features: columns a model may see; empty means those its signature names, else every
            column but the label and the sensitive ones.
    """

    pattern: NamePattern
    task: ATask
    dataset: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    label: str = Field(min_length=1)
    sensitive: Names = ()
    positive_label: str = DEFAULT_POSITIVE_LABEL
    features: Names = ()

    @model_validator(mode="after")
    def _consistent(self) -> Binding:
        if self.label in self.features:
            raise ValueError(f"features must not name the label {self.label!r}")
        if self.label in self.sensitive:
            raise ValueError(f"sensitive must not name the label {self.label!r}")
        if self.task is Task.REGRESSION and self.sensitive:
            raise ValueError("sensitive attributes are judged for classification only")
        return self

    def matches(self, name: str) -> bool:
        """Whether the binding is for this name."""
        return Pattern(self.pattern, Enforcement.ENFORCE).matches(name)


class Catalogue(Strict):
    """Every binding, in order."""

    bindings: Annotated[tuple[Binding, ...], Listed] = ()

    def find(self, name: str) -> Binding | None:
        """Return the binding of a name, or None."""
        return next((binding for binding in self.bindings if binding.matches(name)), None)


def how_to_bind(name: str) -> str:
    """Say how to give a model its evidence."""
    return f"acgs evidence add {name} --dataset holdout.parquet --task classification --label y"
