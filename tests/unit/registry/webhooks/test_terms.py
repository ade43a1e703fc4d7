from __future__ import annotations

from collections.abc import Sequence

import pytest

from infra.errors import UsageError
from infra.identity.principal import Kind, Principal, Scope, Source
from registry.audit.domain.interest import Outcome
from registry.domain.values import Stage
from registry.webhooks.domain.owner import owner_facts, owner_of
from registry.webhooks.domain.terms import Format, Terms, read_terms


def read(
    names: Sequence[str] = (),
    stages: Sequence[str] = (),
    outcomes: Sequence[str] = (),
    format: str = "mlflow",
) -> Terms:
    return read_terms(names=names, stages=stages, outcomes=outcomes, format=format)


def test_terms_are_read_in_any_spelling_of_the_stage_and_each_once() -> None:
    assert read(["credit-*", "credit-*"], ["production", "Production"], ["refused"], "slack") == (
        Terms(("credit-*",), (Stage.PRODUCTION,), (Outcome.REFUSED,), Format.SLACK)
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"names": [" "]}, "name pattern"),
        ({"stages": ["Prod"]}, "expected one of None, Staging, Production, Archived"),
        ({"outcomes": ["won"]}, "webhook outcome: expected one of granted"),
        ({"format": "teams"}, "expected one of mlflow, slack, alertmanager, found 'teams'"),
    ],
)
def test_terms_that_do_not_exist_are_refused(given: dict[str, list[str]], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "owner",
    [
        Principal("Ada", groups=("risk", "a,b"), source=Source.JWT),
        Principal(
            "ci", Kind.SERVICE, source=Source.SERVICE_TOKEN, scope=Scope(("credit-*",), ("*",))
        ),
    ],
)
def test_an_owner_comes_back_as_kept(owner: Principal) -> None:
    assert owner_of(owner_facts(owner)) == owner


def test_the_platform_owns_what_nobody_does() -> None:
    assert owner_of(None) is None
