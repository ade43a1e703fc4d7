from __future__ import annotations

import getpass
import os

import pytest

from infra.console.actor import cli_actor
from infra.identity.os_user import os_user


def test_the_actor_of_a_command_is_its_user_and_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "alice")
    assert cli_actor() == "alice@cli"


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError(os.getuid())

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert os_user() == f"uid:{os.getuid()}"
    assert cli_actor() == f"uid:{os.getuid()}@cli"
