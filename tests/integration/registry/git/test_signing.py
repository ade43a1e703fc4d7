"""Signed tags are checked by git itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.values import Stage
from registry.git import errors
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.support.gto import shown


@pytest.fixture
def ssh_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An SSH key, and git told whom it belongs to."""
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "acgs", "-f", str(key)], check=True
    )
    allowed = tmp_path / "allowed"
    allowed.write_text(f"acgs@localhost {key.with_suffix('.pub').read_text()}")
    with Path(os.environ["GIT_CONFIG_GLOBAL"]).open("a") as file:
        file.write(f'[gpg "ssh"]\n\tallowedSignersFile = {allowed}\n')
    del monkeypatch
    return key


def verified(folder: Path, tag: str) -> str:
    outcome = subprocess.run(
        ["git", "verify-tag", tag], cwd=folder, capture_output=True, text=True, check=False
    )
    return outcome.stderr if outcome.returncode == 0 else f"NOT: {outcome.stderr}"


def signing(desk: Desk, **more: str) -> Desk:
    desk.more = more
    return desk


def test_tags_are_signed_by_an_ssh_key_and_gto_still_reads_them(desk: Desk, ssh_key: Path) -> None:
    signing(desk, sign="always", signing_key=str(ssh_key))
    desk.move(desk.register(), Stage.STAGING)
    assert desk.sync().error is None
    for tag in ("credit@v1.0.0", "credit#staging#1"):
        assert 'Good "git" signature for acgs@localhost' in verified(desk.repository, tag)
    assert shown(desk.repository, kit.NAME) == {"v1.0.0": ["staging"]}
    assert desk.sync().made == 0


def test_gits_own_configuration_is_enough(desk: Desk, ssh_key: Path) -> None:
    for key, value in {
        "tag.gpgSign": "true",
        "gpg.format": "ssh",
        "user.signingKey": f"{ssh_key}.pub",
    }.items():
        kit.git(desk.repository, "config", key, value)
    desk.register()
    desk.sync()
    assert "Good" in verified(desk.repository, "credit@v1.0.0")
    signing(desk, sign="never")
    desk.register()
    desk.sync()
    assert "no signature found" in verified(desk.repository, "credit@v1.0.1")


def test_a_moved_signed_tag_is_restored_to_the_very_same_object(desk: Desk, ssh_key: Path) -> None:
    signing(desk, sign="always", signing_key=str(ssh_key))
    desk.register()
    desk.sync()
    before = kit.git(desk.repository, "rev-parse", "credit@v1.0.0")
    kit.git(desk.repository, "tag", "-d", "credit@v1.0.0")
    ssh_key.unlink()
    desk.sync(repair=True)
    assert kit.git(desk.repository, "rev-parse", "credit@v1.0.0") == before


@pytest.mark.parametrize("key", ["", "/nowhere/key", "0123456789ABCDEF"])
def test_a_tag_that_cannot_be_signed_waits_and_is_not_made_unsigned(
    desk: Desk, ssh_key: Path, key: str
) -> None:
    signing(desk, sign="always", signing_key=key)
    desk.register()
    error = desk.sync().error
    assert type(error) is errors.SigningError
    assert "ACGS_GIT_SIGNING_KEY" in str(error.hint)
    assert kit.tags(desk.repository) == []
    signing(desk, sign="always", signing_key=str(ssh_key))
    assert desk.sync().made == 1


@pytest.fixture
def pgp_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("g", numbered=True)
    home.chmod(0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    command = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "acgs@localhost", "ed25519"]
    subprocess.run(command, check=True, capture_output=True)
    yield home
    subprocess.run(["gpgconf", "--kill", "all"], check=False)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg on this machine")
def test_tags_are_signed_by_an_openpgp_key(desk: Desk, pgp_home: Path) -> None:
    assert pgp_home.exists()
    signing(desk, sign="always", signing_key="acgs@localhost")
    desk.move(desk.register(), Stage.STAGING)
    assert desk.sync().error is None
    assert "Good signature" in verified(desk.repository, "credit#staging#1")
    assert shown(desk.repository, kit.NAME) == {"v1.0.0": ["staging"]}
