from __future__ import annotations

import pytest

from infra.identity.errors import CredentialMalformedError
from infra.identity.proxy.groups import read_groups


@pytest.mark.parametrize(
    ("header", "groups"),
    [
        ("", []),
        ("risk", ["risk"]),
        ("risk,credit", ["risk", "credit"]),
        (" risk ,  credit ", ["risk", "credit"]),
        ("risk,,credit,", ["risk", "credit"]),
        ('"CN=risk,OU=bank", credit', ["CN=risk,OU=bank", "credit"]),
        (r'"say \"yes\"",b', ['say "yes"', "b"]),
        ("\u0440\u0438\u0441\u043a, \u98a8\u96aa", ["\u0440\u0438\u0441\u043a", "\u98a8\u96aa"]),
        ("two words", ["two words"]),
    ],
)
def test_groups_are_separated_by_commas_outside_of_quotes(header: str, groups: list[str]) -> None:
    assert read_groups(header) == groups


@pytest.mark.parametrize("header", ['"risk', 'ri"sk', '"a"b', 'a,"b', '"a\\"'])
def test_a_quote_in_the_wrong_place_is_refused(header: str) -> None:
    with pytest.raises(CredentialMalformedError):
        read_groups(header)
