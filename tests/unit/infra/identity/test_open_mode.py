from __future__ import annotations

import threading
from pathlib import Path

import pytest

from infra.identity import open_mode
from infra.identity.errors import OpenServerError
from infra.processes import launch
from infra.settings import Settings
from registry.plugin import server


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_an_open_server_serves_its_own_machine(host: str, tmp_path: Path) -> None:
    open_mode.check(Settings(storage_root=tmp_path, host=host))


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.7", "::ffff:192.0.2.7", "no-such-host.invalid", "x" * 300]
)
def test_an_open_server_does_not_start_where_others_could_reach_it(
    host: str, tmp_path: Path
) -> None:
    settings = Settings(storage_root=tmp_path, host=host)
    stop = threading.Event()
    with pytest.raises(OpenServerError, match="found ACGS_HOST") as told:
        launch.run(settings, {}, stop, lambda _line: None, lambda _records: None)
    with pytest.raises(OpenServerError, match="found ACGS_HOST"):
        server.run(settings, stop)
    assert "ACGS_IDENTITY" in (told.value.hint or "")


def test_pages_of_an_open_server_say_that_names_are_claims(tmp_path: Path) -> None:
    assert open_mode.notice(Settings(storage_root=tmp_path)) == open_mode.NOTICE
