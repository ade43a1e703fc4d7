"""Comparing what models take and give."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.signature import Bump, Field, Signature, compare

NAMES = ("age", "income", "late", "region")
TYPES = ("double", "long", "integer", "string")

fields = st.lists(
    st.builds(Field, st.sampled_from(NAMES), st.sampled_from(TYPES), st.booleans()),
    unique_by=lambda f: f.name,
    max_size=4,
).map(tuple)
signatures = st.builds(Signature, fields, fields, st.just(()))


def signature(*inputs: Field, outputs: tuple[Field, ...] = (Field("0", "long"),)) -> Signature:
    return Signature(inputs, outputs)


AGE = Field("age", "double")
INCOME = Field("income", "double")


@given(signatures)
def test_a_retrain_with_the_same_contract_is_a_patch(same: Signature) -> None:
    assert compare(same, same).bump is Bump.PATCH


@given(signatures)
def test_a_signature_survives_being_stored(original: Signature) -> None:
    assert Signature.from_json(json.loads(json.dumps(original.to_json()))) == original


@given(signatures, signatures)
def test_what_breaks_nobody_keeps_every_old_input_where_it_was(
    old: Signature, new: Signature
) -> None:
    if compare(old, new).bump is not Bump.MAJOR:
        names = [f.name for f in old.inputs]
        assert [f.name for f in new.inputs][: len(names)] == names
        assert all(not f.required for f in new.inputs[len(names) :])
        assert {f.name for f in old.outputs} <= {f.name for f in new.outputs}


@given(signatures, signatures)
def test_growing_one_way_is_breaking_the_other_way_round(old: Signature, new: Signature) -> None:
    if compare(old, new).bump is Bump.MINOR:
        assert compare(new, old).bump is not Bump.PATCH


@pytest.mark.parametrize(
    ("old", "new", "bump", "reason"),
    [
        (signature(AGE, INCOME), signature(AGE), Bump.MAJOR, "input income removed"),
        (
            signature(AGE),
            signature(Field("age", "string")),
            Bump.MAJOR,
            "input age: double became string",
        ),
        (signature(AGE), signature(AGE, INCOME), Bump.MAJOR, "required input income added"),
        (signature(AGE, INCOME), signature(INCOME, AGE), Bump.MAJOR, "inputs were re-ordered"),
        (
            signature(Field("age", "double", required=False)),
            signature(AGE),
            Bump.MAJOR,
            "input age became required",
        ),
        (
            signature(AGE),
            signature(AGE, outputs=()),
            Bump.MAJOR,
            "output 0 removed",
        ),
        (
            signature(AGE),
            signature(AGE, Field("income", "double", required=False)),
            Bump.MINOR,
            "optional input income added",
        ),
        (
            signature(Field("age", "integer")),
            signature(Field("age", "long")),
            Bump.MINOR,
            "input age: integer became long",
        ),
        (
            signature(AGE),
            signature(AGE, outputs=(Field("0", "long"), Field("why", "string"))),
            Bump.MINOR,
            "output why added",
        ),
    ],
)
def test_each_kind_of_change_has_its_bump(
    old: Signature, new: Signature, bump: Bump, reason: str
) -> None:
    change = compare(old, new)
    assert change.bump is bump
    assert reason in change.reasons


def test_a_signature_is_read_as_mlflow_writes_it() -> None:
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature

    frame = pd.DataFrame({"age": [1.0], "region": ["north"]})
    written = infer_signature(frame, np.array([1]), params={"threshold": 0.5}).to_dict()
    read = Signature.from_mlmodel({"signature": written})
    assert read is not None
    assert read.inputs == (Field("age", "double"), Field("region", "string"))
    assert read.outputs == (Field("0", "long"),)
    assert read.params == (Field("threshold", "double", required=False),)


def test_a_column_and_a_tensor_of_one_number_per_row_are_the_same_contract() -> None:
    column = {"signature": {"outputs": '[{"type": "long", "required": true}]'}}
    tensor = {
        "signature": {
            "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
        }
    }
    old, new = Signature.from_mlmodel(column), Signature.from_mlmodel(tensor)
    assert old is not None
    assert old == new


def test_a_model_without_signature_has_none() -> None:
    assert Signature.from_mlmodel({"flavors": {}}) is None


def test_a_broken_signature_is_an_error_that_shows_it() -> None:
    with pytest.raises(ValueError, match="expected an MLflow signature, found"):
        Signature.from_mlmodel({"signature": {"inputs": "{]"}})
