"""Keeps who is asking, for the time of one request or one command.

A context variable: it goes along into the worker threads in which Starlette runs MLflow's Flask
app, and into tasks, but never into another request. A thread that code starts by itself
begins without a caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from infra.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal, and where it asks from.

    Attributes:
        where: the client's address, `cli` or `in-process`.
    """

    principal: Principal
    where: str

    @property
    def actor(self) -> str:
        """`alice@127.0.0.1`, as the audit trail names the caller."""
        return f"{self.principal.name}@{self.where}"


_current: ContextVar[Caller | None] = ContextVar("acgs_caller", default=None)


def current_caller() -> Caller | None:
    """Return who is asking; None where the platform acts by itself."""
    return _current.get()


def current_principal() -> Principal | None:
    """Return the principal of who is asking; None where the platform acts by itself."""
    caller = _current.get()
    return caller.principal if caller else None


@contextmanager
def acting(caller: Caller) -> Iterator[None]:
    """Let a caller be the current one for the block."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)


def facts_of(actor: str) -> dict[str, Any] | None:
    """Return what is stored of an actor beside the name; None unless that is who is asking.

    A request may also move on what somebody else has asked for, or what the platform does.
    """
    caller = _current.get()
    return caller.principal.facts() if caller and caller.actor == actor else None
