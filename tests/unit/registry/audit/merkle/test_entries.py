"""An entry is the whole event in one byte form, whatever its data are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from registry.audit.merkle.domain.entry import StoredEvent, entry_of, first_misplaced, read_entry
from registry.audit.merkle.errors import MalformedError

EVENT = StoredEvent(
    id=12,
    uid="0c4b",
    type="registered_model.created",
    name="credit",
    version=None,
    request_id=3,
    actor="alice",
    at_ms=1_700_000_000_000,
    data='{"b": 1.0, "a": "é"}',
    principal='{"name": "alice", "groups": ["ds"]}',
)
OTHERS: dict[str, Any] = {
    "id": 13,
    "uid": "0c4c",
    "type": "x.y",
    "name": "Credit",
    "version": 1,
    "request_id": None,
    "actor": "mallory",
    "at_ms": 1,
    "data": '{"b": 1, "a": "e"}',
    "principal": '{"name": "alice", "groups": ["ds", "admins"]}',
}


def test_an_entry_is_canonical_json_of_the_whole_event() -> None:
    assert entry_of(EVENT, 5).decode() == (
        '{"actor":"alice","at_ms":1700000000000,"data":{"a":"é","b":1},"id":12,"name":"credit",'
        '"principal":{"groups":["ds"],"name":"alice"},'
        '"request_id":3,"sequence":5,"type":"registered_model.created","uid":"0c4b","version":null}'
    )


@pytest.mark.parametrize("field", OTHERS)
def test_changing_any_field_changes_the_entry(field: str) -> None:
    assert set(OTHERS) == set(StoredEvent.__dataclass_fields__)
    changed = replace(EVENT, **{field: OTHERS[field]})
    assert entry_of(changed, 5) != entry_of(EVENT, 5)
    assert entry_of(EVENT, 6) != entry_of(EVENT, 5)


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"n": 99999999999999999999}', '{"n": NaN}', '"\\ud800"', "[" * 9999],
)
def test_a_principal_without_a_canonical_form_stands_as_its_text(text: str) -> None:
    entry = read_entry(entry_of(replace(EVENT, principal=text), 5))
    assert entry["principal"] == text
    assert entry["data"] == {"a": "é", "b": 1}


def test_spaces_and_the_order_of_keys_do_not_count() -> None:
    assert entry_of(replace(EVENT, data='{"a":"\\u00e9","b":1.0}'), 5) == entry_of(EVENT, 5)


@pytest.mark.parametrize(
    "data",
    [
        '{"n": 9007199254740993}',
        '{"n": NaN}',
        '{"n": Infinity}',
        '{"s": "\\ud800"}',
        "[" * 100_000 + "]" * 100_000,
        "no json",
        "\ud800",
    ],
)
def test_data_without_a_canonical_form_stand_in_the_entry_as_text(data: str) -> None:
    found = read_entry(entry_of(replace(EVENT, data=data), 5))
    assert found["data_text"] == data.replace("\ud800", "\\ud800")
    assert "data" not in found


def test_numbers_of_the_database_that_json_cannot_hold_become_texts() -> None:
    found = read_entry(entry_of(replace(EVENT, id=2**63 - 1), 5))
    assert found["id"] == str(2**63 - 1)


@given(st.dictionaries(st.text(), st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | st.none()))
def test_an_entry_is_one_line_and_reads_as_what_was_stored(data: dict[str, object]) -> None:
    entry = entry_of(replace(EVENT, data=json.dumps(data)), 5)
    assert b"\n" not in entry
    assert first_misplaced([entry], 5) is None
    assert first_misplaced([entry, entry], 5) == 6
    found = read_entry(entry)
    assert found.get("data", data) == data


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans())
def test_the_fast_writer_writes_what_rfc_8785_asks_for(
    data: Any, name: str, number: int, escaped: bool
) -> None:
    stored = json.dumps(data, ensure_ascii=escaped)
    event = replace(EVENT, data=stored, name=name, at_ms=number)
    fields = {key: getattr(event, key) for key in OTHERS if key != "data"}
    fields["principal"] = {"name": "alice", "groups": ["ds"]}
    try:
        expected = rfc8785.dumps({**fields, "sequence": 5, "data": data})
    except ValueError:
        assert "data_text" in read_entry(entry_of(event, 5))
    else:
        assert entry_of(event, 5) == expected


@pytest.mark.parametrize("entry", [b"", b"[]", b"{", b"\xff", b'"text"'])
def test_what_is_no_json_object_is_no_entry(entry: bytes) -> None:
    assert first_misplaced([entry], 0) == 0
    with pytest.raises(MalformedError):
        read_entry(entry)
