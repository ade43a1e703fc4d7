"""What differs between two versions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.signature import Field, Signature
from registry.versions.adapters.subjects import read_requirements
from registry.versions.domain.difference import ComparedVersion, Line, differ, relate, relative

SMALL = Signature((Field("a", "double"),), (Field("0", "long"),))
GROWN = Signature(
    (Field("a", "double"), Field("b", "double", required=False)), (Field("0", "long"),)
)
texts = st.dictionaries(st.sampled_from("abc"), st.text(max_size=3))
subjects = st.builds(
    ComparedVersion,
    semver=st.sampled_from(["1.0.0", "1.1.0-rc.1", "1.1.0"]),
    signature=st.sampled_from([None, SMALL, GROWN]),
    facts=texts,
    params=texts,
    metrics=st.dictionaries(st.sampled_from("abc"), st.floats()),
    datasets=texts,
    requirements=texts,
    files=texts,
    tags=texts,
)


@given(subjects)
def test_a_version_does_not_differ_from_itself(subject: ComparedVersion) -> None:
    assert differ(subject, subject) == ()


@given(subjects, subjects)
def test_a_difference_read_backwards_is_the_one_of_the_other_way(
    a: ComparedVersion, b: ComparedVersion
) -> None:
    there, back = differ(a, b), differ(b, a)
    assert [(x.part, x.name, x.before, x.after) for x in there] == [
        (x.part, x.name, x.after, x.before) for x in back
    ]
    opposite = {"<": ">", ">": "<", "=": "="}
    assert relate(a, b).order == opposite[relate(b, a).order]


@given(st.floats(), st.floats())
def test_a_relative_change_is_a_percentage_or_nothing(was: float, now: float) -> None:
    text = relative(was, now)
    assert text == "" or (text[0] in "+-" and text.endswith(" %"))


def test_metrics_tell_their_change_relative_to_the_value_before() -> None:
    before = ComparedVersion(
        "1.0.0", SMALL, metrics={"auc": 0.8, "loss": -2.0, "old": 1.0, "zero": 0.0}
    )
    after = ComparedVersion(
        "1.0.1", SMALL, metrics={"auc": 0.82, "loss": -1.0, "nan": math.nan, "zero": 1}
    )
    assert differ(before, after) == (
        Line("metric", "auc", "0.8", "0.82", "+2.5 %"),
        Line("metric", "loss", "-2", "-1", "+50 %"),
        Line("metric", "nan", None, "nan"),
        Line("metric", "old", "1", None),
        Line("metric", "zero", "0", "1"),
    )


def test_a_contract_that_grew_is_a_minor_change() -> None:
    first, second = ComparedVersion("1.0.0", SMALL), ComparedVersion("1.1.0-rc.1", GROWN)
    compared = relate(first, second)
    assert (compared.order, compared.change) == ("<", "minor")
    assert compared.reasons == ("optional input b added",)
    assert differ(first, second) == (Line("signature", "input b", None, "double at 1, optional"),)


def test_without_a_signature_nobody_knows_what_breaks() -> None:
    compared = relate(ComparedVersion("1.0.0", None), ComparedVersion("1.0.0", SMALL))
    assert (compared.order, compared.change) == ("=", "unknown")
    assert compared.reasons == ("no signature in 1.0.0",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("numpy==2.1\ntorch>=1,<2  # fits", {"numpy": "==2.1", "torch": "<2,>=1"}),
        ("Mlflow[extras]\n", {"mlflow[extras]": "any"}),
        ("a==1; python_version < '3'", {"a": '==1 ; python_version < "3"'}),
        ("-r other.txt\n\n# only words", {"-r other.txt": ""}),
        ("a @ https://x.example/a.whl", {"a": "https://x.example/a.whl"}),
    ],
)  # fmt: skip
def test_requirements_are_read_as_pip_reads_them(text: str, found: dict[str, str]) -> None:
    assert read_requirements(text) == found
