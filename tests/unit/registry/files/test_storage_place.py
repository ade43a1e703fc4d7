"""Two spellings of one folder are one place, and nothing hides below or around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.files.domain.storage_place import ancestors, below, either, join, storage_place

parts = st.lists(st.sampled_from(["a", "b", "a0", "a-", "é", ".a", "a b"]), max_size=4)
roots = st.sampled_from(["proxy:", "file:/", "s3://bucket/"])


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("mlflow-artifacts:/1/models/m-1/artifacts", "proxy:1/models/m-1/artifacts"),
        ("mlflow-artifacts:///1/models//./m-1/artifacts/", "proxy:1/models/m-1/artifacts"),
        ("mlflow-artifacts://host:5000/1/x/../models", "proxy:1/models"),
        ("http://h:1/api/2.0/mlflow-artifacts/artifacts/1/m", "proxy:1/m"),
        ("mlflow-artifacts:/1/%252e%252e/m%2Fn", "proxy:m/n"),
        ("file:///srv/a%20b/", "file:/srv/a b"),
        ("/srv/a", "file:/srv/a"),
        ("/srv/a#b?c", "file:/srv/a#b?c"),
        ("s3://bucket/a//b/", "s3://bucket/a/b"),
        ("s3://bucket", "s3://bucket/"),
    ],
)
def test_every_spelling_is_the_same_place(uri: str, place: str) -> None:
    assert storage_place(uri) == place


@given(roots, parts, parts)
def test_what_lies_in_a_place_is_in_its_range_and_has_it_as_an_ancestor(
    root: str, outer: list[str], inner: list[str]
) -> None:
    place = join(root, *outer)
    inside = join(place, *inner, "file")
    first, end = below(place)
    assert first <= inside < end
    assert place in set(ancestors(inside))


@given(roots, parts, parts)
def test_what_lies_elsewhere_is_not(root: str, one: list[str], other: list[str]) -> None:
    if other[: len(one)] == one:
        return
    place, elsewhere = join(root, *one), join(root, *other)
    first, end = below(place)
    assert not first <= elsewhere < end
    assert place not in set(ancestors(elsewhere))


@pytest.mark.parametrize("destination", ["file:/srv/artifacts", "s3://bucket/prefix", "s3://b/"])
@given(inner=parts)
def test_a_place_behind_the_proxy_has_two_names(destination: str, inner: list[str]) -> None:
    behind, before = join(destination, *inner), join("proxy:", *inner)
    assert set(either(before, destination)) == {before, behind}
    assert set(either(behind, destination)) == {before, behind}
    assert either("file:/elsewhere", destination) == ("file:/elsewhere",)
