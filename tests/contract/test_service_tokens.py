"""Service tokens on each database: made once, checked, revoked, and used without a write each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from infra.clock import to_millis
from infra.errors import UnauthenticatedError, UsageError
from infra.identity.errors import NameUnusableError
from infra.identity.principal import Kind, Scope, Source
from infra.settings import Settings
from registry.audit.service import AuditTrail
from registry.domain.records import Act
from registry.tokens.errors import NoSuchTokenError
from registry.tokens.service import Tokens, open_tokens
from tests.support.stores import Databases
from tests.support.stores import Kind as Database

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
SCOPE = Scope(("credit*",), ("Staging",), ("register", "ask"))
DAY = timedelta(days=1)
MADE = Act("ann@cli", to_millis(NOW))


@pytest.fixture
def tokens(kind: Database, databases: Databases, tmp_path: Path) -> Iterator[Tokens]:
    opened = open_tokens(Settings(storage_root=tmp_path, database_url=databases.new(kind)))
    yield opened
    opened.engine.dispose()


def writes(engine: Engine) -> list[str]:
    found: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _see(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith(("UPDATE", "INSERT")):
            found.append(statement)

    return found


def test_a_token_is_its_service_within_its_scope(tokens: Tokens) -> None:
    _, text = tokens.create("ci", SCOPE, DAY, MADE)

    found = tokens.check(text, NOW).principal

    assert (found.name, found.kind, found.source) == ("ci", Kind.SERVICE, Source.SERVICE_TOKEN)
    assert found.scope == SCOPE


def test_the_text_of_a_token_is_kept_nowhere(tokens: Tokens) -> None:
    made, text = tokens.create("ci", SCOPE, DAY, MADE)
    secret = text.rpartition(made.id)[2]

    [kept] = tokens.every()
    [told] = AuditTrail(tokens.engine).events()

    assert secret not in str(kept)
    assert secret not in str(told)
    assert (told.type, told.name, told.actor) == ("service_token.created", "ci", "ann@cli")


def test_a_token_ends_with_its_time(tokens: Tokens) -> None:
    _, text = tokens.create("ci", SCOPE, DAY, MADE)

    assert tokens.check(text, NOW + DAY - timedelta(milliseconds=1))
    with pytest.raises(UnauthenticatedError) as told:
        tokens.check(text, NOW + DAY)
    assert told.value.code == "auth.token_expired"


def test_a_revoked_token_ends_at_once_and_its_sister_goes_on(tokens: Tokens) -> None:
    first, one = tokens.create("ci", SCOPE, DAY, MADE)
    _, other = tokens.create("ci", SCOPE, DAY, MADE)

    tokens.revoke(first.id, "bob@cli", NOW)

    assert tokens.check(other, NOW)
    with pytest.raises(UnauthenticatedError) as told:
        tokens.check(one, NOW)
    assert told.value.code == "auth.token_revoked"
    assert [e.type for e in AuditTrail(tokens.engine).events()][-1] == "service_token.revoked"


def test_all_tokens_of_a_service_are_revoked_together_and_once(tokens: Tokens) -> None:
    for _ in range(2):
        tokens.create("ci", SCOPE, DAY, MADE)

    assert len(tokens.revoke("ci", "bob@cli", NOW)) == 2
    assert tokens.revoke("ci", "bob@cli", NOW) == []
    with pytest.raises(NoSuchTokenError):
        tokens.revoke("nobody", "bob@cli", NOW)


@pytest.mark.parametrize("other", ["acgs_", "acgs_x_y", "changed", "its id with another secret"])
def test_a_text_that_this_server_did_not_make_is_refused(tokens: Tokens, other: str) -> None:
    made, text = tokens.create("ci", SCOPE, DAY, MADE)
    forged = {
        "changed": text[:-1] + ("A" if text[-1] != "A" else "B"),
        "its id with another secret": f"acgs_{made.id}_{'A' * 43}",
    }.get(other, other)

    with pytest.raises(UnauthenticatedError) as told:
        tokens.check(forged, NOW)
    assert told.value.code == "auth.token_unknown"


def test_the_last_use_is_kept_without_a_write_for_each(tokens: Tokens) -> None:
    _, text = tokens.create("ci", SCOPE, DAY, MADE)
    seen = writes(tokens.engine)

    for second in range(0, 50, 5):
        tokens.check(text, NOW + timedelta(seconds=second))
    assert len(seen) == 1

    tokens.check(text, NOW + timedelta(seconds=61))
    [kept] = tokens.every()
    assert kept.last_used_ms == int((NOW + timedelta(seconds=61)).timestamp() * 1000)


@pytest.mark.parametrize("days", [0, 367])
def test_a_token_lasts_a_year_at_most(tokens: Tokens, days: int) -> None:
    with pytest.raises(UsageError, match="1 to 366 days"):
        tokens.create("ci", SCOPE, timedelta(days=days), MADE)


def test_a_token_needs_a_scope_and_a_name_of_its_own(tokens: Tokens) -> None:
    with pytest.raises(UsageError):
        tokens.create("ci", Scope((), ("*",), ("read",)), DAY, MADE)
    with pytest.raises(NameUnusableError):
        tokens.create("acgs", SCOPE, DAY, MADE)
