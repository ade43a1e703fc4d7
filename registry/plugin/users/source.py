"""Authenticates callers by the passwords of MLflow's users."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache

from infra.errors import UnauthenticatedError
from infra.identity.asked import Asked, Basic
from infra.identity.errors import IdentitySourceError
from infra.identity.names import check_proven
from infra.identity.principal import Principal, Source
from registry.tokens.domain.text import PREFIX

_KNOWN = 1000


class WrongPasswordError(UnauthenticatedError):
    """A user or a password is unknown."""

    code = "auth.password"


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Takes names and passwords of MLflow's users.

    A password is hashed slowly on purpose, some 50 ms. It is known again by a fast keyed hash, as
    long as the user is there and the stored hash is the same.
    """

    source = Source.BASIC_AUTH
    challenge = 'Basic realm="mlflow"'
    hidden_headers: tuple[str, ...] = ()
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _known: OrderedDict[bytes, None] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def check(self) -> str:
        """Say whose users they are."""
        return "basic-auth: MLflow's users"

    def blocks(self, asked: Asked) -> bool:
        """Whether a password has to be compared."""
        return _given(asked) is not None

    def authenticate(self, asked: Asked) -> Principal | None:
        """Return the user whose password came.

        Raises:
            WrongPasswordError: there is no such user, or the password is another.
            IdentitySourceError: MLflow's database of users does not answer.
        """
        given = _given(asked)
        if given is None:
            return None
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
        from mlflow.server import auth

        try:
            user = auth.store.get_user(given.user)
        except MlflowException as err:
            if err.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                raise IdentitySourceError(
                    "expected MLflow's database of users, found no answer", hint="try again"
                ) from err
            _hash_in_vain(given.password)
            raise _wrong() from err
        seen = self._seen(given, user.password_hash)
        if seen not in self._known:
            # MLflow's own way, which refuses the password that older releases shipped.
            if auth._authenticate_cached(given.user, given.password) is None:
                raise _wrong()
            self._remember(seen)
        return Principal(check_proven(str(user.username)), source=Source.BASIC_AUTH)

    def _seen(self, given: Basic, stored: str) -> bytes:
        # The stored hash is part of it: a changed password makes another.
        text = "\0".join((given.user, stored, given.password))
        return hmac.digest(self._key, text.encode(), "sha256")

    def _remember(self, seen: bytes) -> None:
        with self._lock:
            self._known[seen] = None
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)


def _given(asked: Asked) -> Basic | None:
    found = asked.credential
    if not isinstance(found, Basic) or found.password.startswith(PREFIX):
        return None
    return found


def _wrong() -> WrongPasswordError:
    return WrongPasswordError(
        "expected the name and the password of a user, found others",
        hint="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    )


def _hash_in_vain(password: str) -> None:
    """Take as long as for a user who is there, so that the time does not tell who is."""
    from werkzeug.security import check_password_hash

    check_password_hash(_hash_of_nobody(), password)


@cache
def _hash_of_nobody() -> str:
    from werkzeug.security import generate_password_hash

    return generate_password_hash(secrets.token_urlsafe(16))
