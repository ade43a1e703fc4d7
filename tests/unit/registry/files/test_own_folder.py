"""A model's own folder is told from one that others use too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.files.domain.own_folder import is_own, shared_as

RUN = "0123456789abcdef" * 2
ROOT = "s3://bucket/acgs"
LANDMARKS = [ROOT, f"{ROOT}/1", f"{ROOT}/1/models", f"{ROOT}/team/x", "file:/srv/root"]


@pytest.mark.parametrize(
    "place",
    [
        f"{ROOT}/1/{RUN}/artifacts/model",
        f"{ROOT}/1/{RUN}/artifacts/models",
        f"{ROOT}/1/{RUN}/artifacts/a/artifacts",
        f"{ROOT}/1/models/m-{RUN}/artifacts",
        f"{ROOT}/1/models/m-{RUN}/artifacts/part",
        f"{ROOT}/1/by-hand",
        f"s3://elsewhere/{RUN}/artifacts/model",
        "file:/srv/root/models/1",
    ],
)
def test_a_models_own_folder_may_be_registered(place: str) -> None:
    assert shared_as(place, LANDMARKS) == ""


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("s3://bucket/", "a whole store"),
        ("file:/", "a whole store"),
        (ROOT, "a folder in which others keep their files"),
        ("file:/srv", "a folder in which others keep their files"),
        (f"{ROOT}/1", "a folder in which others keep their files"),
        (f"{ROOT}/1/models", "a folder in which others keep their files"),
        (f"{ROOT}/team", "a folder in which others keep their files"),
        (f"{ROOT}/1/models/m-{RUN}", "what is around a logged model's folder"),
        (f"{ROOT}/1/{RUN}", "a run's whole folder"),
        (f"{ROOT}/1/{RUN}/artifacts", "the folder of all artifacts of a run"),
    ],
)
def test_a_folder_of_others_is_named(place: str, what: str) -> None:
    assert shared_as(place, LANDMARKS) == what


@given(st.lists(st.sampled_from([RUN, f"m-{RUN}", "artifacts", "models", "x"]), max_size=6))
def test_whatever_is_around_somebodys_own_folder_is_shared(parts: list[str]) -> None:
    place = "/".join(["s3://bucket", *parts])
    if is_own(place):
        assert is_own(f"{place}/inside")
        return
    for inside in (f"{RUN}/artifacts/m", f"m-{RUN}/artifacts"):
        assert is_own(f"{place}/{inside}")
        assert f"{place}/{inside}".startswith(place)
