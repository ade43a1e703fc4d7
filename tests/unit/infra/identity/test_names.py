from __future__ import annotations

import pytest

from infra.identity.errors import NameUnusableError
from infra.identity.names import LONGEST_NAME, MOST_GROUPS, check_groups, check_proven


@pytest.mark.parametrize("name", ["alice", "Ren\u00e9e Dupont", "alice@example.org", "\u6797"])
def test_a_name_that_people_can_read_is_taken_as_it_is(name: str) -> None:
    assert check_proven(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "x" * (LONGEST_NAME + 1),
        "mal\u200dlory",
        "mal\u202elory",
        "mallory\n",
        "mallory\u3164",
        "mallory\ufe0f",
        "anonymous",
        "ANONYMOUS",
        "acgs",
        "service:ci",
        "SERVICE:x",
        "\uff41cgs",
    ],
)
def test_a_name_that_could_pass_for_another_is_refused(name: str) -> None:
    with pytest.raises(NameUnusableError) as told:
        check_proven(name)
    assert len(str(told.value)) < 500


def test_groups_keep_their_commas_and_letters_and_each_counts_once() -> None:
    groups = ["CN=risk,OU=credit", "\u0440\u0438\u0441\u043a", "CN=risk,OU=credit"]

    assert check_groups(groups) == ("CN=risk,OU=credit", "\u0440\u0438\u0441\u043a")


def test_more_groups_than_anybody_has_are_refused() -> None:
    with pytest.raises(NameUnusableError, match="at most 256 groups"):
        check_groups(f"g{n}" for n in range(MOST_GROUPS + 1))
