"""Represents MLflow model signatures, and decides whether one can replace another.

Column order counts: callers that send arrays without names are served in signature order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from registry.domain import plain_json

# Inputs that MLflow upcasts by itself, so that accepting the wider type breaks no caller.
# Source: mlflow.models.utils._enforce_mlflow_datatype (3.17).
_WIDER_INPUT = {
    ("integer", "long"),
    ("integer", "double"),
    ("float", "double"),
}


class Bump(IntEnum):
    """Says how much a version changed for its consumers."""

    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclass(frozen=True, slots=True)
class Field:
    """One input, output or parameter.

    Attributes:
        name: column name, or its position as text when the schema names none.
        type: MLflow's type, as canonical text.
        required: False for optional inputs and parameters with a default.
    """

    name: str
    type: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model accepts and returns."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    params: tuple[Field, ...] = ()

    @classmethod
    def from_mlmodel(cls, mlmodel: Mapping[str, Any]) -> Signature | None:
        """Read the signature from a parsed `MLmodel` file; None if it has none.

        Raises:
            TooDeepError: it is nested deeper than any signature.
            ValueError: there is a signature, but not one that MLflow writes.
        """
        raw = mlmodel.get("signature")
        if not raw:
            return None
        try:
            return cls(
                inputs=_fields(raw.get("inputs")),
                outputs=_fields(raw.get("outputs")),
                params=_params(raw.get("params")),
            )
        except plain_json.TooDeepError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ValueError(f"expected an MLflow signature, found {str(raw)[:200]!r}") from err

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signature:
        """Read what `to_json` wrote."""
        return cls(
            *(
                tuple(Field(f["name"], f["type"], f["required"]) for f in value[part])
                for part in ("inputs", "outputs", "params")
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value from which `from_json` makes an equal signature."""
        return {
            part: [
                {"name": f.name, "type": f.type, "required": f.required}
                for f in getattr(self, part)
            ]
            for part in ("inputs", "outputs", "params")
        }


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two signatures, worst first."""

    bump: Bump
    reasons: tuple[str, ...]


def compare(old: Signature, new: Signature) -> Change:
    """Return what moving from `old` to `new` means for callers of the model.

    MAJOR when a consumer can break (input removed, re-typed, made required or moved; output
    removed, re-typed or moved; parameter removed or re-typed), MINOR when the contract only
    grows (optional input, extra output, parameter with a default, wider input type), else PATCH.
    """
    major: list[str] = []
    minor: list[str] = []
    _compare_accepted("input", old.inputs, new.inputs, major, minor)
    _compare_outputs(old.outputs, new.outputs, major, minor)
    _compare_accepted("parameter", old.params, new.params, major, minor)
    if major:
        return Change(Bump.MAJOR, tuple(major + minor))
    if minor:
        return Change(Bump.MINOR, tuple(minor))
    return Change(Bump.PATCH, ("the contract is unchanged",))


def _compare_accepted(
    what: str,
    old: Sequence[Field],
    new: Sequence[Field],
    major: list[str],
    minor: list[str],
) -> None:
    before = {f.name: f for f in old}
    after = {f.name: f for f in new}
    for name, was in before.items():
        if name not in after:
            major.append(f"{what} {name} removed")
            continue
        now = after[name]
        if was.type != now.type:
            wider = (was.type, now.type) in _WIDER_INPUT
            (minor if wider else major).append(f"{what} {name}: {was.type} became {now.type}")
        if now.required and not was.required:
            major.append(f"{what} {name} became required")
        elif was.required and not now.required:
            minor.append(f"{what} {name} became optional")
    for name, now in after.items():
        if name not in before:
            target = major if now.required else minor
            kind = "required" if now.required else "optional"
            target.append(f"{kind} {what} {name} added")
    if what == "input" and _moved(old, new):
        major.append("inputs were re-ordered")


def _compare_outputs(
    old: Sequence[Field], new: Sequence[Field], major: list[str], minor: list[str]
) -> None:
    after = {f.name: f for f in new}
    for was in old:
        now = after.get(was.name)
        if now is None:
            major.append(f"output {was.name} removed")
        elif now.type != was.type:
            major.append(f"output {was.name}: {was.type} became {now.type}")
    known = {f.name for f in old}
    minor.extend(f"output {f.name} added" for f in new if f.name not in known)
    if _moved(old, new):
        major.append("outputs were re-ordered")


def _moved(old: Sequence[Field], new: Sequence[Field]) -> bool:
    """Return whether a positional caller would hit another field: the kept ones must come first."""
    names = {f.name for f in new}
    kept = [f.name for f in old if f.name in names]
    return [f.name for f in new][: len(kept)] != kept


def _fields(raw: Any) -> tuple[Field, ...]:
    if not raw:
        return ()
    columns = plain_json.read(raw, "the signature") if isinstance(raw, str) else raw
    if not isinstance(columns, list):
        raise ValueError("expected a list of columns")
    return tuple(
        Field(
            name=str(column.get("name", position)),
            type=_type(column),
            required=bool(column.get("required", True)),
        )
        for position, column in enumerate(columns)
    )


def _params(raw: Any) -> tuple[Field, ...]:
    if not raw:
        return ()
    params = plain_json.read(raw, "the signature") if isinstance(raw, str) else raw
    # MLflow parameters always have a default, so none is required.
    return tuple(
        Field(str(p["name"]), _type({**p, "shape": p.get("shape")}), required=False) for p in params
    )


# A column of n numbers and a tensor of shape (-1,) are the same to their readers.
_COLUMN_OF = {
    "int64": "long",
    "int32": "integer",
    "float64": "double",
    "float32": "float",
    "bool": "boolean",
    "str": "string",
}


def _type(column: Mapping[str, Any]) -> str:
    tensor = column.get("tensor-spec")
    if column.get("type") == "tensor" and isinstance(tensor, Mapping):
        same = _COLUMN_OF.get(str(tensor.get("dtype")))
        if same is not None and list(tensor.get("shape", ())) == [-1]:
            return same
    shape = {
        key: value
        for key, value in column.items()
        if key not in {"name", "required", "default"} and value is not None
    }
    if set(shape) == {"type"} and isinstance(shape["type"], str):
        return str(shape["type"])
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))
