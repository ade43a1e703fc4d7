"""One typed view of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.settings import load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("ACGS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "acgs.env").write_text("ACGS_REGISTRY_PORT=1001\nACGS_GATEWAY_PORT=1002\n")
    assert load_settings().registry_port == 1001
    monkeypatch.setenv("ACGS_REGISTRY_PORT", "1003")
    assert load_settings().registry_port == 1003
    assert load_settings(registry_port=1004).registry_port == 1004
    assert load_settings().gateway_port == 1002


def test_an_unknown_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGS_REGISTRY_PROT", "1")
    with pytest.raises(SettingsError, match="unknown setting ACGS_REGISTRY_PROT: expected one of"):
        load_settings()


def test_an_unknown_name_in_the_file_is_refused_and_the_file_named(tmp_path: Path) -> None:
    (tmp_path / "acgs.env").write_text("ACGS_GATE_WAIT=3\n")
    with pytest.raises(SettingsError, match=r"unknown setting ACGS_GATE_WAIT in .*acgs\.env"):
        load_settings()


def test_a_malformed_value_is_refused_with_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGS_GATE_WAIT_SECONDS", "soon")
    with pytest.raises(SettingsError, match=r"ACGS_GATE_WAIT_SECONDS.*found 'soon'"):
        load_settings()


def test_a_postgresql_url_means_psycopg2_and_our_own_scheme(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACGS_DATABASE_URL", "postgresql://db/x")
    settings = load_settings()
    assert settings.sqlalchemy_url == "postgresql+psycopg2://db/x"
    assert settings.registry_uri == "acgs+postgresql://db/x"


def test_the_governed_scheme_is_never_mlflows_own(tmp_path: Path) -> None:
    assert load_settings().registry_uri == f"acgs+sqlite:///{tmp_path}/registry.db"
