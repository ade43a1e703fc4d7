"""Every model name becomes an artifact name of gto's, and back."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.git.domain.names import MAX_TAG_BYTES, NameRefusedError, to_artifact, to_name

GTO_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-/_]*[a-zA-Z0-9])?")
"""gto 1.10's own pattern (gto/constants.py)."""

# No NUL, which no database holds; short, so that none is refused for its length.
NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)
TRICKY = st.text(st.sampled_from("ab_x0A-/. é"), min_size=1, max_size=24)


@given(NAMES | TRICKY)
def test_a_name_comes_back_and_gto_accepts_its_artifact_name(name: str) -> None:
    artifact = to_artifact(name)
    assert GTO_NAME.fullmatch(artifact)
    assert to_name(artifact) == name


@given(st.text(st.sampled_from("ab_x0AF-"), min_size=1, max_size=24))
def test_an_artifact_name_is_ours_only_if_we_would_write_it_so(text: str) -> None:
    name = to_name(text)
    assert name is None or to_artifact(name) == text


@pytest.mark.parametrize("name", ["fraud", "fraud-eu", "fraud_eu", "a", "9", "Fraud_x4"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert to_artifact(name) == name


@pytest.mark.parametrize(
    ("name", "artifact"),
    [
        ("credit.v2 eu", "credit_x2Ev2_x20eu"),
        ("a..b", "a_x2E_x2Eb"),
        ("model.lock", "model_x2Elock"),
        ("a/b", "a_x2Fb"),
        ("é", "x_x00_xC3_xA9"),
        ("-a-", "x_x00-a_x2D"),
        ("a_x41", "a_x5Fx41"),
    ],
)
def test_what_git_or_gto_cannot_hold_is_escaped(name: str, artifact: str) -> None:
    assert to_artifact(name) == artifact
    for tag in (f"{artifact}@v1.0.0", f"{artifact}#prod!#5"):
        subprocess.run(["git", "check-ref-format", f"refs/tags/{tag}"], check=True)


def test_a_name_at_the_limit_is_taken_and_one_past_it_is_refused() -> None:
    longest = "a" + "." * 59 + "bcd"
    assert len(to_artifact(longest)) == MAX_TAG_BYTES
    with pytest.raises(NameRefusedError, match="at most 240 bytes"):
        to_artifact(longest + "e")
    for name in ("", "a\0b"):
        with pytest.raises(NameRefusedError):
            to_artifact(name)
