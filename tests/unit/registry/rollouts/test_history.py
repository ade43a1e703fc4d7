"""What an endpoint would go back to."""

from hypothesis import given
from hypothesis import strategies as st

from registry.rollouts.domain.history import Crowning, trusted

crownings = st.lists(
    st.builds(Crowning, st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=10
)


def history(*steps: str) -> tuple[str, ...]:
    """`a` is a rollout of a, `<a` a rollback to a."""
    return trusted(Crowning(s.removeprefix("<"), s.startswith("<")) for s in steps)


def test_going_back_twice_goes_further_back() -> None:
    assert history("a", "b", "c", "<b") == ("a", "b")
    assert history("a", "b", "c", "<b", "<a") == ("a",)


def test_what_was_left_can_be_promoted_again() -> None:
    assert history("a", "b", "<a", "b") == ("a", "b")


def test_promoting_an_old_version_anew_makes_it_the_newest() -> None:
    assert history("a", "b", "a") == ("b", "a")


@given(crownings)
def test_the_last_trusted_version_is_the_one_that_became_stable_last(
    steps: list[Crowning],
) -> None:
    assert trusted(steps)[-1] == steps[-1].version_uid


@given(crownings)
def test_no_version_is_trusted_twice(steps: list[Crowning]) -> None:
    assert len(set(trusted(steps))) == len(trusted(steps))
