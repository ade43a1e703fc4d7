from __future__ import annotations

import contextlib
import shlex

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import UsageError
from registry.domain.values import spelled
from registry.versions.arguments import version_of_scripts
from registry.versions.naming import NamedVersion, read_name_or_version, read_version


@pytest.mark.parametrize(
    ("text", "name", "spec"),
    [
        ("credit@1.2.0", "credit", "1.2.0"),
        ("credit@2.0.0-rc.1", "credit", "2.0.0-rc.1"),
        ("credit@1.x", "credit", "1.x"),
        ("credit@latest", "credit", "latest"),
        ("credit@3", "credit", "3"),
        ("credit@champion", "credit", "champion"),
        ("credit@Staging", "credit", "Staging"),
        ("credit@@staging", "credit", "@staging"),
        ("credit v2@1.0.0", "credit v2", "1.0.0"),
        ("risk@eu@1.0.0", "risk@eu", "1.0.0"),
    ],
)
def test_a_version_is_named_by_its_model_and_what_people_call_it(
    text: str, name: str, spec: str
) -> None:
    assert read_version(text) == NamedVersion(name, spec)
    assert read_name_or_version(text) == (name, spec)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "NAME@VERSION"),
        ("@", "NAME@VERSION"),
        ("@1.0.0", "NAME@1.0.0"),
        ("credit", "credit@VERSION"),
        ("credit@", "credit@VERSION"),
        ("credit@@", "credit@VERSION"),
    ],
)
def test_the_hint_about_a_missing_part_keeps_the_part_that_is_there(
    text: str, written: str
) -> None:
    with pytest.raises(UsageError) as wrong:
        read_version(text)
    assert str(wrong.value.hint).startswith(f"write {written}; ")


@pytest.mark.parametrize("text", ["", "@", "@1.0.0", "credit@", "credit@@"])
def test_a_missing_part_is_wrong_usage_that_says_how_to_write_it(text: str) -> None:
    for read in (read_version, read_name_or_version):
        with pytest.raises(UsageError) as wrong:
            read(text)
        assert f"NAME@VERSION, found {text!r}" in wrong.value.message
        assert "VERSION is 1.2.0" in str(wrong.value.hint)


def test_a_name_alone_names_no_version() -> None:
    assert read_name_or_version("credit") == ("credit", None)
    with pytest.raises(UsageError, match="found 'credit'"):
        read_version("credit")


# After a name that ends in `@`, a version reads as a marked alias.
names = st.text(min_size=1).filter(lambda name: not name.endswith("@"))


@given(names, st.from_regex(r"\d\.\d\.\d", fullmatch=True))
def test_what_a_hint_prints_a_shell_and_a_command_read_as_it_was_meant(
    name: str, version: str
) -> None:
    (word,) = shlex.split(spelled(name, version))
    assert read_version(word) == NamedVersion(name, version)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["credit@3"], NamedVersion("credit", "3")),
        (["credit", "3"], NamedVersion("credit", "3")),
        (["credit"], None),
        (["credit@3", "extra", "word"], None),
    ],
)
def test_judging_takes_the_version_apart_from_its_name_as_well(
    words: list[str], found: NamedVersion | None
) -> None:
    @click.command()
    @version_of_scripts
    def command(version: NamedVersion) -> None:
        taken.append(version)

    taken: list[NamedVersion] = []
    with contextlib.suppress(click.UsageError, UsageError):
        command.main(words, standalone_mode=False)
    assert taken == ([found] if found else [])
