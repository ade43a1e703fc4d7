"""Tag names are read and written as gto does."""

from __future__ import annotations

import pytest
from gto.tag import parse_name
from hypothesis import given
from hypothesis import strategies as st

from registry.git.domain import grammar, marks
from registry.git.domain.grammar import TagAction, TagName
from registry.git.domain.marks import GONE, TagMark, after, steps

STAGE_NAMES = st.sampled_from(["staging", "prod", "archived", "deprecated"])
VERSIONS = st.sampled_from(["0.1.0", "1.2.3", "1.0.0-rc.1", "10.20.30-a-b.1+d.0a1b"])
COUNTERS = st.integers(0, 10**9)


@st.composite
def tag_names(draw: st.DrawFn) -> TagName:
    action = draw(st.sampled_from(TagAction))
    staged = action in (TagAction.ASSIGN, TagAction.UNASSIGN)
    versioned = action in (TagAction.REGISTER, TagAction.DEREGISTER)
    return TagName(
        action,
        draw(st.sampled_from(["fraud", "credit_x2Ev2", "a-b"])),
        draw(VERSIONS) if versioned else "",
        draw(STAGE_NAMES) if staged else "",
        draw(COUNTERS),
    )


@given(tag_names())
def test_gto_reads_a_name_as_we_do(tag: TagName) -> None:
    assert grammar.parse(str(tag)) == tag
    theirs = parse_name(str(tag))
    assert theirs["action"].value == tag.action.value
    assert theirs["name"] == tag.artifact
    assert theirs.get("version", "") == (f"v{tag.version}" if tag.version else "")
    assert theirs.get("stage", "") == tag.stage
    assert theirs.get("counter", 0) == tag.counter


@pytest.mark.parametrize(
    "name",
    ["fraud", "v1.0.0", "fraud@1.0.0", "fraud@v1.0", "fraud@v01.0.0", "fraud#", "fraud@created"],
)
def test_other_tags_are_none_of_ours(name: str) -> None:
    assert grammar.parse(name) is None


def test_names_are_those_of_the_documentation() -> None:
    assert str(TagName(TagAction.REGISTER, "fraud", "1.2.0")) == "fraud@v1.2.0"
    assert str(TagName(TagAction.DEREGISTER, "fraud", "1.2.0")) == "fraud@v1.2.0!"
    assert str(TagName(TagAction.ASSIGN, "fraud", stage="prod", counter=4)) == "fraud#prod#4"
    assert str(TagName(TagAction.UNASSIGN, "fraud", stage="prod", counter=5)) == "fraud#prod!#5"
    assert str(TagName(TagAction.DEPRECATE, "fraud")) == "fraud@deprecated"


MARKS = st.builds(TagMark, st.just(True), st.frozensets(STAGE_NAMES)) | st.just(GONE)


@given(MARKS, MARKS)
def test_the_steps_between_two_marks_lead_from_one_to_the_other(old: TagMark, new: TagMark) -> None:
    reached = old
    for step in steps(old, new):
        reached = after(reached, step)
    assert reached == new
    assert old != new or not list(steps(old, new))


def test_every_stage_of_mlflow_but_none_has_a_name_in_gto() -> None:
    assert {stage.value for stage in marks.STAGES} == {"Staging", "Production", "Archived"}
    assert TagMark.at(None) == TagMark(True)
