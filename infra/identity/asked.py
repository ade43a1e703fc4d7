"""Reads the credentials of a request, without judging them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from infra.identity.errors import CredentialMalformedError

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name and a password."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token."""

    token: str


@dataclass(frozen=True)
class Asked:
    """What a request says about its sender.

    Attributes:
        headers: as they arrived, names in lower case.
        peer: address of the connection's other end, before any forwarding header is believed.
    """

    headers: Headers
    peer: str

    def header(self, name: str) -> str | None:
        """Return a header's value; None if the request does not have it.

        Raises:
            CredentialMalformedError: it comes more than once, or is no text in UTF-8.
        """
        wanted = name.lower().encode("latin-1")
        found = [value for key, value in self.headers if key == wanted]
        if len(found) > 1:
            raise CredentialMalformedError(
                f"expected the header {name} once, found it {len(found)} times",
                hint=f"send one {name} header",
            )
        if not found:
            return None
        try:
            return found[0].decode().strip()
        except UnicodeDecodeError:
            raise CredentialMalformedError(
                f"expected the header {name} in UTF-8, found other bytes",
                hint="encode it as UTF-8",
            ) from None

    @cached_property
    def credential(self) -> Basic | Bearer | None:
        """The credential in the header `Authorization`; None if there is none.

        Raises:
            CredentialMalformedError: the header cannot be read.
        """
        text = self.header("Authorization")
        if not text:
            return None
        scheme, _, rest = text.partition(" ")
        match scheme.lower():
            case "basic":
                return _basic(rest.strip())
            case "bearer" if rest.strip():
                return Bearer(rest.strip())
            case _:
                raise CredentialMalformedError(
                    "expected the header Authorization to begin with Basic or Bearer, found "
                    "another form",
                    hint="set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and "
                    "MLFLOW_TRACKING_PASSWORD",
                )


def _basic(encoded: str) -> Basic:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise CredentialMalformedError(
            "expected base64 of NAME:PASSWORD in UTF-8 after Basic, found another text",
            hint="let your client encode it: MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD",
        ) from None
    user, colon, password = text.partition(":")
    if not colon:
        raise CredentialMalformedError(
            "expected NAME:PASSWORD after Basic, found no colon",
            hint="let your client encode it: MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD",
        )
    return Basic(user, password)
