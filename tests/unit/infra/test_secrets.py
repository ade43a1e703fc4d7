from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from infra.errors import UsageError
from infra.secrets import Sealer, SecretError, secret_file
from infra.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path)


def test_what_is_sealed_opens_again_in_another_process_of_the_same_root(settings: Settings) -> None:
    sealed = Sealer(settings).seal("geheim ✓")
    assert "geheim" not in sealed
    assert Sealer(settings).open(sealed) == "geheim ✓"


def test_a_changed_seal_or_another_roots_key_opens_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    sealed = Sealer(settings).seal("geheim")
    other = Sealer(Settings(storage_root=tmp_path / "other"))
    for sealer, text in ((Sealer(settings), sealed[:-6] + "AAAA=="), (other, sealed)):
        with pytest.raises(SecretError, match="does not open"):
            sealer.open(text)


def test_a_secret_file_is_for_its_owner_alone_and_made_once(settings: Settings) -> None:
    first = secret_file(settings, "token", lambda: "one")
    assert secret_file(settings, "token", lambda: "two") == first == "one"
    mode = (settings.storage_root / "secrets" / "token").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_of_many_who_make_a_secret_at_once_all_get_the_same(settings: Settings) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(lambda _: secret_file(settings, "token", lambda: uuid4().hex), range(64))
        )
    assert len(set(found)) == 1
    assert [p.name for p in (settings.storage_root / "secrets").iterdir()] == ["token"]


def test_a_secret_that_others_may_read_is_refused(settings: Settings) -> None:
    secret_file(settings, "token", lambda: "one")
    (settings.storage_root / "secrets" / "token").chmod(0o644)
    with pytest.raises(SecretError, match="0644"):
        secret_file(settings, "token", lambda: "two")


@pytest.mark.parametrize("name", ["", "../token", "a/b", ".."])
def test_a_secret_name_is_no_path(settings: Settings, name: str) -> None:
    with pytest.raises(UsageError, match="plain file name"):
        secret_file(settings, name, lambda: "one")


def test_a_master_key_that_is_none_says_which_file_to_restore(settings: Settings) -> None:
    secret_file(settings, "master.key", lambda: "short")
    with pytest.raises(SecretError, match="Fernet key"):
        Sealer(settings).seal("x")
