"""Messages can be read back, and nothing in them begins a line of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry.git.domain import objects

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(
    st.dictionaries(st.sampled_from(["Acgs-Model", "Acgs-Actor", "Code-Commit"]), TEXTS, min_size=1)
)
def test_trailers_come_back_on_one_line_each(values: dict[str, str]) -> None:
    text = objects.message("Register fraud 1.0.0", values)
    told = {key: objects.one_line(value) for key, value in values.items()}
    told = {key: value for key, value in told.items() if value}
    assert len(text.rstrip().splitlines()) == (2 + len(told) if told else 1)
    assert objects.trailers(text) == told


@given(TEXTS)
def test_a_tagger_never_breaks_out_of_its_line(name: str) -> None:
    line = objects.person(name, "acgs@localhost", 1)
    assert line.count("<") == line.count(">") == 1
    assert line.endswith(" <acgs@localhost> 1 +0000")
    assert "\n" not in line
    assert not line.startswith(" ")


def test_a_signature_is_no_part_of_the_message() -> None:
    content = objects.tag("0" * 40, "fraud@v1.0.0", "a <b> 1 +0000", "Register\n\nA: b\n")
    for kind in (b"SSH", b"PGP"):
        assert (
            objects.unsigned(content + b"-----BEGIN " + kind + b" SIGNATURE-----\nx\n") == content
        )
    assert objects.unsigned(content) == content
