"""Keeps secrets: in small 0600 files, and as texts sealed with a key from one of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from infra.errors import PlatformError, UsageError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

    from infra.settings import Settings

FOLDER = "secrets"
MASTER_KEY = "master.key"


class SecretError(PlatformError):
    """A secret cannot be read, or was sealed with another key."""

    code = "infra.secret_unreadable"


def secret_file(settings: Settings, name: str, make: Callable[[], str]) -> str:
    """Read the named secret, or create and store a new one.

    If several processes create one at the same time, one wins and all get its secret.

    Args:
        settings: of the platform.
        name: of the file in `<root>/secrets`.
        make: returns a new secret; called only if there is none.

    Raises:
        UsageError: the name is a path.
        SecretError: others may read the file, or it is empty.
    """
    if not name or name.startswith(".") or Path(name).name != name:
        raise UsageError(f"secret name {name!r}: expected a plain file name")
    path = settings.folder(FOLDER) / name
    if not path.exists():
        _publish(path, make())
    mode = path.stat().st_mode & 0o077
    if mode:
        raise SecretError(
            f"secret {path}: expected a file that only its owner may read, found mode "
            f"{path.stat().st_mode & 0o777:04o}",
            hint=f"chmod 600 {path}; make a new secret if others may have read it",
        )
    text = path.read_text()
    if not text:
        raise SecretError(f"secret {path}: expected a text, found an empty file")
    return text


def _publish(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails if another process was first.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


class Sealer:
    """Seals texts for the database, so that a copied database alone reveals no secret."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        key = secret_file(self._settings, MASTER_KEY, lambda: Fernet.generate_key().decode())
        try:
            return Fernet(key)
        except ValueError as err:
            raise SecretError(
                f"secret {MASTER_KEY}: expected a Fernet key, found {len(key)} characters "
                "that are none",
                hint="restore the file from a backup of the storage root",
            ) from err

    def seal(self, text: str) -> str:
        """Encrypt and authenticate a text."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the text that was sealed.

        Raises:
            SecretError: the text was changed, or sealed with another key.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as err:
            raise SecretError(
                "a sealed secret does not open: expected one sealed with "
                f"{self._settings.storage_root / FOLDER / MASTER_KEY}, found another key's",
                hint="restore secrets/master.key from the backup that goes with this database",
            ) from err
