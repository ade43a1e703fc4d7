from __future__ import annotations

from pathlib import Path

import pytest

from infra.identity import own
from infra.identity.asked import Asked
from infra.identity.bearer.settings import JwtSettings
from infra.identity.credentials import reading
from infra.identity.settings import IdentitySettings
from infra.settings import Settings


@pytest.fixture
def closed(tmp_path: Path) -> Settings:
    given = Settings(storage_root=tmp_path)
    return given.having(IdentitySettings("jwt"), JwtSettings())


def asked(token: str) -> Asked:
    return Asked([(b"authorization", b"Bearer " + token.encode())], "127.0.0.1")


def test_the_platform_is_let_in_by_the_secret_of_its_storage_root(closed: Settings) -> None:
    token = own.own_token(closed)
    assert token is not None

    found = own.OwnProcesses(token).authenticate(asked(token))

    assert found is own.OWN
    assert reading("http://127.0.0.1:1", closed.storage_root) == f"Bearer {token}"
    file = closed.storage_root / "secrets" / own.SECRET_FILE
    assert file.stat().st_mode & 0o077 == 0


def test_the_platform_may_read_and_write_its_reports_and_no_more() -> None:
    scope = own.OWN.scope
    assert scope is not None
    assert [v for v in ("read", "log", "register", "request", "other") if scope.covers(v)] == [
        "read",
        "log",
    ]


@pytest.mark.parametrize("token", [own.PREFIX, own.PREFIX + "x" * 43, "other", "acgs_x"])
def test_another_token_is_not_the_platform_s(closed: Settings, token: str) -> None:
    known = own.own_token(closed)
    assert known is not None

    assert own.OwnProcesses(known).authenticate(asked(token)) is None


def test_an_open_server_needs_no_secret_of_its_own(tmp_path: Path) -> None:
    assert own.own_token(Settings(storage_root=tmp_path)) is None
    assert list(tmp_path.iterdir()) == []
