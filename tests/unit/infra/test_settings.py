"""One typed view of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.component import Component, components
from infra.configuration import defined, groups, known_settings, load_settings
from infra.errors import SettingsError
from infra.setting import setting, whole
from registry.settings import RegistrySettings, registry_uri
from serving.settings import ServingSettings


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
    assert load_settings().of(RegistrySettings).port == 1001
    monkeypatch.setenv("ACGS_REGISTRY_PORT", "1003")
    assert load_settings().of(RegistrySettings).port == 1003
    monkeypatch.setenv("ACGS_DATABASE_URL", "sqlite:////srv/environment.db")
    assert load_settings().database_url == "sqlite:////srv/environment.db"
    flag = load_settings(database_url="sqlite:////srv/flag.db")
    assert flag.database_url == "sqlite:////srv/flag.db"
    assert load_settings().of(ServingSettings).gateway_port == 1002


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
    assert registry_uri(settings) == "acgs+postgresql://db/x"


def test_the_governed_scheme_is_never_mlflows_own(tmp_path: Path) -> None:
    assert registry_uri(load_settings()) == f"acgs+sqlite:///{tmp_path}/registry.db"


WRONG = {
    "a port that is text": ("ACGS_REGISTRY_PORT", "abc", "a whole number of at least 1 and"),
    "a port beyond all": ("ACGS_GATEWAY_PORT", "70000", "a whole number of at least 1 and"),
    "nothing": ("ACGS_GATEWAY_PORT", "", "a whole number of at least 1 and at most 65535"),
    "half a day": ("ACGS_ARTIFACT_RETENTION_DAYS", "1.5", "a whole number of at least 1"),
    "no time": ("ACGS_CLIENT_STALL_SECONDS", "0", "a number of more than 0 and at most 600"),
    "no number": ("ACGS_GATE_WAIT_SECONDS", "nan", "a number of at least 0 and at most 110"),
    "a share above one": ("CONSTITUTIONAL_COMPLIANCE_TARGET", "95", "a number of at least 0 and"),
    "a word of an enum": ("ACGS_CONFINEMENT", "none", "required or best-effort"),
    "a word": ("ACGS_GIT_SIGN", "yes", "auto, always or never"),
    "a level": ("ACGS_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR"),
    "a number in another script": (
        "ACGS_REGISTRY_PORT",
        "５０００",
        "a whole number of at least 1",
    ),
    "a number with marks": ("ACGS_REGISTRY_PORT", "5_000", "a whole number of at least 1"),
    "a number beyond all": ("ACGS_REGISTRY_PORT", "9" * 150, "a whole number of at least 1"),
    "a level in another script": ("ACGS_LOG_LEVEL", "ıNFO", "DEBUG, INFO, WARNING or ERROR"),
    "no host": ("ACGS_HOST", "", "a host name or an address"),
    "a host with a path": ("ACGS_HOST", "localhost/x", "a host name or an address"),
    "no URL": ("ACGS_DATABASE_URL", "not a url", "a URL that begins with sqlite://// or"),
    "another database": ("ACGS_DATABASE_URL", "mysql://x/y", "a URL that begins with sqlite:////"),
    "a database's port": ("ACGS_DATABASE_URL", "postgresql://h:port/db", "a URL that begins with"),
    "a proxy's name": ("ACGS_TRUSTED_PROXIES", "proxy", "addresses and networks, separated by"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("in_file", [False, True])
def test_a_wrong_value_is_told_with_what_was_expected_found_and_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, in_file: bool
) -> None:
    variable, value, what = WRONG[name]
    if in_file:
        (tmp_path / "acgs.env").write_text(f"{variable}={value}\n")
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as told:
        load_settings()
    where = str(tmp_path / "acgs.env") if in_file else "the environment"
    assert f"setting {variable} in {where}: expected {what}" in told.value.message
    shown = "one that is not shown" if variable == "ACGS_DATABASE_URL" else repr(value)
    assert f"found {shown}" in told.value.message
    assert told.value.hint is not None
    assert f"correct {variable} in {where}" in told.value.hint


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:secret@127.0.0.1:port/db", "mysql://u:p@secret@h/db",
        "postgresql://h:12a/db?user=u&password=secret", "host=h user=u password=secret",
        "postgresql://h:\u0663/secret",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "line",
    [
        "ACGS_DATABASE_URL={}", "ACGS_DATABASE_URL: {}", "{}x", "ACGS_DATABASE_URL=\n{}=",
        "ACGS_DATABASE_URL=\n{}?sslmode=require", "set ACGS_DATABASE_URL={}", "{}=x",
        "ACGS_DATABASE_URL=postgresql://u:\nsecret=",
    ],
)  # fmt: skip
def test_a_password_is_never_shown(value: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "acgs.env").write_text(line.format(value) + "\n")
    with pytest.raises(SettingsError) as told:
        load_settings()
    assert "secret" not in f"{told.value} {told.value.hint}"


@pytest.mark.parametrize("name", ["ACGS_DATABASE_URL: postgresql://u:secret@h/d", "ACGS_secret"])
def test_only_what_can_be_a_name_is_quoted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError, match="unknown setting of a name that is not shown") as told:
        load_settings()
    assert "secret" not in f"{told.value} {told.value.hint}"


@pytest.mark.parametrize(
    "setting", ["ACGS_ARTIFACT_ROOT", "ACGS_ARTIFACT_ROOTS", "ACGS_ARTIFACT_REPLICA",
                "MLFLOW_S3_ENDPOINT_URL", "ACGS_DATABASE_URL"],
)  # fmt: skip
def test_no_place_holds_a_password(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(setting, "s3://u:secret@bucket/x")
    with pytest.raises(SettingsError, match=f"setting {setting} in the environment") as told:
        load_settings()
    assert "secret" not in f"{told.value} {told.value.hint} {told.value.__cause__}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ACGS_HOST=::1\n\nACGS_HOST=127.0.0.1\n", "line 3: expected each name once"),
        ("MLOPS_STORAGE_ROOT=/elsewhere\n", "line 1: expected no MLOPS_STORAGE_ROOT"),
    ],
)
def test_a_name_that_the_file_cannot_decide_is_refused(
    content: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "acgs.env").write_text(content)
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_a_dollar_means_itself(tmp_path: Path) -> None:
    (tmp_path / "acgs.env").write_text("ACGS_ARTIFACT_ROOT=/a/${HOME}/b\n")
    assert load_settings().artifact_root == "/a/${HOME}/b"


def test_the_home_of_nobody_is_no_storage_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", "~nobody-of-this-name/x")
    with pytest.raises(SettingsError, match="MLOPS_STORAGE_ROOT: expected a folder"):
        load_settings()


@pytest.mark.parametrize("name", ["ACGS_CONSTITUTION", "ACGS_EVIDENCE", "ACGS_ARTIFACT_REPLICA"])
def test_the_home_of_nobody_is_no_path(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "~nobody-of-this-name/x")
    with pytest.raises(SettingsError, match=f"setting {name}"):
        load_settings()


def test_a_long_value_is_shown_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGS_REGISTRY_PORT", "9" * 5000)
    with pytest.raises(SettingsError) as told:
        load_settings()
    assert len(told.value.message) < 500


@pytest.mark.parametrize(
    "content",
    [b"ACGS_REGISTRY_PORT: 5005\n", b'\n\nACGS_HOST="127\n', b"ACGS_HOST\n", b"ACGS_HOST=\xff\n"],
    ids=["a colon", "an open quote", "no value", "no UTF-8"],
)
def test_a_line_that_sets_nothing_is_refused_and_its_file_named(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "acgs.env").write_bytes(content)
    with pytest.raises(
        SettingsError, match=r"acgs\.env.*(expected NAME=value|cannot be read)"
    ) as told:
        load_settings()
    assert told.value.hint


def test_a_folder_or_a_dangling_link_is_no_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / "acgs.env").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="expected a file of settings"):
        load_settings()
    (tmp_path / "nowhere").mkdir()
    with pytest.raises(SettingsError, match="expected a file of settings"):
        load_settings()


def test_quotes_comments_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = '\ufeff# ports\nexport ACGS_REGISTRY_PORT="1001" # of the server\r\nACGS_HOST=::1\n'
    (tmp_path / "acgs.env").write_text(text, "utf-8")
    settings = load_settings()
    assert (settings.of(RegistrySettings).port, settings.host) == (1001, "::1")


def test_a_level_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGS_LOG_LEVEL", "debug")
    assert load_settings().log_level == "DEBUG"


def test_a_wrong_flag_is_told_by_the_name_of_its_setting() -> None:
    with pytest.raises(SettingsError, match="ACGS_LOG_LEVEL in the command line: expected DEBUG"):
        load_settings(log_level="LOUD")


def test_every_setting_says_what_it_expects_without_its_librarys_words() -> None:
    for known in known_settings().values():
        assert not {"Input", "should", "None"} & set(known.definition.kind.expected.split())


def test_no_two_groups_have_a_setting_of_the_same_name() -> None:
    kinds = [kind for added in groups().values() for kind in added]
    names = [setting.name for kind in kinds for setting in defined(kind)]
    assert len(kinds) >= 6
    assert sorted(names) == sorted(set(names))


@dataclass(frozen=True)
class _Toys:
    """Settings of a component that the platform does not know."""

    most: int = setting("ACGS_TOYS_MOST", 3, "Most toys.", whole(at_least=1))


@pytest.fixture
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = Component("toys", settings=lambda: (_Toys,))
    monkeypatch.setattr("infra.configuration.components", lambda: (*components(), toys))


@pytest.mark.usefixtures("_toys")
def test_a_components_own_settings_are_read_as_the_platforms_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    most = known_settings()["ACGS_TOYS_MOST"]
    assert (most.value(load_settings()), most.is_chosen(load_settings())) == (3, False)
    (tmp_path / "acgs.env").write_text("ACGS_TOYS_MOST=5\n")
    assert (most.value(load_settings()), most.is_chosen(load_settings())) == (5, True)
    monkeypatch.setenv("ACGS_TOYS_MOST", "none")
    with pytest.raises(SettingsError, match="ACGS_TOYS_MOST in the environment: expected a whole"):
        load_settings()
    monkeypatch.setenv("ACGS_TOY_MOST", "1")
    with pytest.raises(SettingsError, match=r"unknown setting ACGS_TOY_MOST: .*ACGS_TOYS_MOST"):
        load_settings()


def test_a_group_that_is_put_in_place_of_another_leaves_the_original_as_it_was() -> None:
    before = load_settings()
    after = before.having(RegistrySettings(port=1005))
    assert after.of(RegistrySettings).port == 1005
    assert before.of(RegistrySettings).port == 5000
    assert after.of(ServingSettings) is before.of(ServingSettings)


def test_a_storage_root_that_is_no_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for root in (file, file / "below", loop, tmp_path / ("a" * 300)):
        monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(root))
        with pytest.raises(SettingsError, match="MLOPS_STORAGE_ROOT: expected a folder, found"):
            load_settings()


def test_a_relative_storage_root_is_taken_from_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", "below")
    assert load_settings().storage_root == tmp_path / "below"
