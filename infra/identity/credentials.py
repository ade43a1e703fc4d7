"""Finds the credential that a command shows to a server, and keeps those of `acgs login`."""

from __future__ import annotations

import base64
import configparser
import json
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from infra.errors import SettingsError, storage_error
from infra.identity.os_user import os_user
from infra.identity.own import own_token_in

TOKEN, USERNAME, PASSWORD = (
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
)
"""Variables of MLflow's own client, so that both show the same credential."""


class CredentialsUnreadableError(SettingsError):
    """The file in which `acgs login` keeps credentials is damaged, or others can read it."""

    code = "auth.kept_credentials"


def basic(user: str, password: str) -> str:
    """Return the header's value for a name and a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(token: str) -> str:
    """Return the header's value for a token."""
    return f"Bearer {token}"


def authorization(url: str, claimed: str | None = None) -> str:
    """Return the value of `Authorization` for a server.

    It is the first of: MLflow's variables (a name with a password before a token, as MLflow's
    client does), what `acgs login` kept, what MLflow keeps in `~/.mlflow/credentials`, and a
    name without a password, which only an open server believes.

    Args:
        url: of the server.
        claimed: name in the place of the operating system's user.

    Raises:
        CredentialsUnreadableError: what was kept cannot be read.
    """
    user, password, token = (os.environ.get(name) for name in (USERNAME, PASSWORD, TOKEN))
    if user and password:
        return basic(user, password)
    if token:
        return bearer(token)
    return _read().get(_server(url)) or _of_mlflow() or basic(user or claimed or os_user(), "")


def reading(url: str, root: Path) -> str:
    """Return the value of `Authorization` with which a command reads from its own server.

    Args:
        url: of the server.
        root: its storage root. Who may read its secrets may read its database as well.
    """
    token = own_token_in(root)
    return bearer(token) if token else authorization(url)


def keep(url: str, value: str | None) -> Path:
    """Keep the header's value for a server, or forget it; return the file."""
    file = _file()
    kept = {**_read(), _server(url): value}
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w") as target:
            json.dump({key: one for key, one in kept.items() if one is not None}, target)
        os.replace(draft, file)
    except OSError as err:
        raise storage_error(err, file) or err from err
    return file


def _server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME")
    base = Path(folder) if folder and os.path.isabs(folder) else Path("~/.config").expanduser()
    return base / "acgs" / "credentials.json"


def _read() -> dict[str, str]:
    file = _file()
    try:
        if file.stat().st_mode & 0o077:
            raise CredentialsUnreadableError(
                f"expected {file} to be readable by you alone, found it open to others",
                hint=f"chmod 600 {file}; then have its credentials replaced, others may know them",
            )
        kept = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as err:
        raise _damaged(file, err) from err
    if not isinstance(kept, dict) or not all(isinstance(one, str) for one in kept.values()):
        raise _damaged(file, "no mapping of servers to credentials")
    return kept


def _damaged(file: Path, why: object) -> CredentialsUnreadableError:
    # The text of a damaged file may hold a credential: it is not shown.
    found = type(why).__name__ if isinstance(why, Exception) else why
    return CredentialsUnreadableError(
        f"expected the credentials that acgs login kept in {file}, found {found}",
        hint=f"remove {file}, then: acgs login",
    )


def _of_mlflow() -> str | None:
    file = Path("~/.mlflow/credentials").expanduser()
    if not file.exists():
        return None
    found = configparser.ConfigParser()
    try:
        found.read(file)
    except (OSError, configparser.Error):
        return None
    user = found.get("mlflow", USERNAME.lower(), fallback="")
    password = found.get("mlflow", PASSWORD.lower(), fallback="")
    return basic(user, password) if user and password else None
