"""Errors of a request, each with the status that the client gets.

4xx is the client's doing, 500 is the model's own. A rollout judges a version by its 500s, so
nothing that a client can cause may end as one.
"""

from __future__ import annotations

from collections.abc import Sequence


class ProblemError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: HTTP status.
        reason: stable upper-case code, as Seldon's `status.reason`.
        info: what was expected, what was found.
    """

    def __init__(self, status: int, reason: str, info: str) -> None:
        super().__init__(info)
        self.status = status
        self.reason = reason
        self.info = info

    def body(self) -> dict[str, object]:
        """Return Seldon's error message; its protobuf allows no further fields."""
        status = {
            "code": self.status,
            "info": self.info,
            "reason": self.reason,
            "status": "FAILURE",
        }
        return {"status": status}


def bad_request(info: str) -> ProblemError:
    """Return a 400: the body is not what the protocol or the model's signature asks for."""
    return ProblemError(400, "MICROSERVICE_BAD_DATA", info)


def model_failed(info: str) -> ProblemError:
    """Return a 500: the model raised, or answered with something no protocol can carry."""
    return ProblemError(500, "MICROSERVICE_INTERNAL_ERROR", info)


_SHOWN = 57
"""Most characters of a value that a message shows."""


def kind_of(value: object) -> str:
    """Describe a JSON value's kind in JSON's words; a scalar with a short excerpt."""
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean {value}"
        case int() | float():
            text = repr(value)
            return f"number {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}"
        case str():
            return f"string {value[:_SHOWN]!r}{'...' if len(value) > _SHOWN else ''}"
        case bytes():
            return f"{len(value)} bytes"
        case list() | tuple():
            return f"list of {len(value)}"
        case dict():
            return f"object of {len(value)}"
        case _:
            return type(value).__name__


def few(names: Sequence[str]) -> str:
    """List names for a message, at most some 600 characters."""
    shown = [name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..." for name in names[:10]]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{shown}{more}" if names else "none"
