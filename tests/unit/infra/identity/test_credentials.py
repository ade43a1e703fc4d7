"""Credentials: which one a command shows, and how those of `acgs login` are kept."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from infra.identity import credentials
from infra.identity.credentials import CredentialsUnreadableError
from infra.identity.os_user import os_user

URL = "http://127.0.0.1:5000"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in (credentials.TOKEN, credentials.USERNAME, credentials.PASSWORD):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def shown(value: str) -> str:
    scheme, _, rest = value.partition(" ")
    return base64.b64decode(rest).decode() if scheme == "Basic" else value


def test_without_a_credential_the_users_name_is_claimed() -> None:
    assert shown(credentials.authorization(URL)) == f"{os_user()}:"


def test_credentials_count_in_the_order_of_mlflows_own_client(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".mlflow").mkdir()
    (home / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = file\nmlflow_tracking_password = secret\n"
    )
    assert shown(credentials.authorization(URL)) == "file:secret"
    credentials.keep(URL, credentials.bearer("kept"))
    assert credentials.authorization(URL) == "Bearer kept"
    monkeypatch.setenv(credentials.TOKEN, "token")
    assert credentials.authorization(URL) == "Bearer token"
    monkeypatch.setenv(credentials.USERNAME, "alice")
    assert credentials.authorization(URL) == "Bearer token"
    monkeypatch.setenv(credentials.PASSWORD, "pass:word")
    assert shown(credentials.authorization(URL)) == "alice:pass:word"


def test_a_login_is_kept_for_its_server_alone_and_forgotten() -> None:
    file = credentials.keep(URL + "/", credentials.bearer("kept"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert credentials.authorization("http://127.0.0.1:5001").startswith("Basic ")
    credentials.keep(URL, None)
    assert credentials.authorization(URL).startswith("Basic ")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', "null"])
def test_a_damaged_file_is_refused_and_not_shown(text: str) -> None:
    file = credentials.keep(URL, credentials.bearer("kept"))
    file.write_text(text)
    with pytest.raises(CredentialsUnreadableError, match="acgs login") as refused:
        credentials.authorization(URL)
    assert "kept" not in str(refused.value).replace("acgs login kept", "")


def test_a_file_that_others_can_read_is_refused() -> None:
    file = credentials.keep(URL, credentials.bearer("kept"))
    file.chmod(0o644)
    with pytest.raises(CredentialsUnreadableError, match="you alone"):
        credentials.authorization(URL)
