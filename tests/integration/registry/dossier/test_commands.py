"""`acgs dossier` and `acgs verify`, as people run them."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from tests.integration.registry.audit.kit import Outcome, Shell
from tests.integration.registry.dossier.kit import Office


@pytest.fixture
def shell(
    office: Office,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Shell:
    """A command line at the installation, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(office.settings.storage_root))
    monkeypatch.setenv("ACGS_DATABASE_URL", office.settings.database_url)
    office.sequencer.round()
    (tmp_path / "log.vkey").write_text(f"{office.key}\n")
    return Shell(capsys, monkeypatch)


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where no platform is, nor its settings."""
    monkeypatch.delenv("MLOPS_STORAGE_ROOT")
    monkeypatch.delenv("ACGS_DATABASE_URL")


def test_a_page_is_written_and_verified_where_no_platform_is(
    shell: Shell, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = shell.acgs("dossier", f"{name}@2")
    assert (made.status, made.err) == (0, "")
    (file,) = tmp_path.glob("dossier-*.html")
    assert made.out.startswith(f"{file.name}: {name} 0.2.0 at ")
    elsewhere(monkeypatch)
    verified = shell.acgs("verify", file.name, "--public-key", "log.vkey")
    assert verified.status == 0, verified.err
    assert f"{name} 0.2.0, in " in verified.out
    assert "what rests on trust" in verified.out
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, "log.vkey"]


def test_page_and_json_are_made_from_each_other(shell: Shell, name: str, tmp_path: Path) -> None:
    assert shell.acgs("dossier", f"{name}@2", "--output", "d.json").status == 0
    printed = shell.acgs("dossier", f"{name}@2", "--json").out
    assert printed.startswith('{"payload":')
    words = ("verify", "d.json", "--public-key", "log.vkey", "--html", "d.html", "--content", "c")
    view = shell.acgs(*words, "--json").view()
    assert (view["semver"], view["complete"], view["does_not_follow"]) == ("0.2.0", False, [])
    content = json.loads((tmp_path / "c").read_text())
    assert content["format"] == "acgs.dossier/v1"
    page = unescape((tmp_path / "d.html").read_text())
    for section in content["story"]["sections"]:
        assert section["title"] in page
    assert shell.acgs("verify", "d.html", "--public-key", "log.vkey").status == 0


def test_the_first_thing_that_is_wrong_is_named(shell: Shell, name: str, tmp_path: Path) -> None:
    shell.acgs("dossier", f"{name}@2", "--output", "d.html")
    page = (tmp_path / "d.html").read_bytes()
    (tmp_path / "d.html").write_bytes(page.replace(b"no signature yet", b"no objections", 1))
    refused = shell.acgs("verify", "d.html", "--public-key", "log.vkey")
    assert (refused.status, refused.out) == (1, "")
    assert "error [dossier.not_proven]: line " in refused.err
    assert "no objections" in refused.err


BAD: dict[str, tuple[tuple[str, ...], int, str]] = {
    "a time ahead": (
        ("dossier", "{name}@2", "--at", "2999-01-01T00:00"),
        2,
        "dossier.time_invalid",
    ),
    "no time": (("dossier", "{name}@2", "--at", "noon"), 2, "dossier.time_invalid"),
    "before its time": (
        ("dossier", "{name}@2", "--at", "2020-01-01T00:00"),
        2,
        "dossier.nothing_then",
    ),
    "no such version": (("dossier", "{name}@9.9.9"), 2, "dossier.nothing_then"),
    "no version": (("dossier", "{name}"), 2, "expected NAME@VERSION"),
    "a folder that is not there": (
        ("dossier", "{name}@2", "--output", "no/such/d.html"),
        3,
        "No such file",
    ),
    "no key": (("verify", "log.vkey"), 2, "--public-key"),
    "no dossier": (("verify", "log.vkey", "--public-key", "log.vkey"), 1, "dossier.not_proven"),
    "a key that is none": (("verify", "log.vkey", "--public-key", "x"), 2, "audit.malformed"),
    "a log that is none": (
        ("verify", "log.vkey", "--public-key", "log.vkey", "--log", "x"),
        2,
        "x",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_an_error_that_says_what_to_do(shell: Shell, name: str, case: str) -> None:
    words, status, found = BAD[case]
    outcome: Outcome = shell.acgs(*(word.format(name=name) for word in words))
    assert (outcome.status, outcome.out) == (status, ""), outcome
    assert found in outcome.err


def test_a_dry_run_signs_nothing(shell: Shell, name: str, tmp_path: Path) -> None:
    would = shell.acgs("dossier", f"{name}@2", "--dry-run")
    assert would.status == 0
    assert would.out.startswith(f"would tell {name} 0.2.0 at ")
    assert [path.name for path in tmp_path.iterdir()] == ["log.vkey"]
