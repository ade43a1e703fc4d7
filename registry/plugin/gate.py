"""Asks the gate before MLflow acts."""

from __future__ import annotations

import time

from infra.clock import utc_now
from registry.domain.records import Ask, Request, VersionRecord
from registry.domain.values import GOVERNED_ALIASES, RequestKind, Stage
from registry.gate.outcome import is_worth_waiting, settled
from registry.gate.service import Gate
from registry.settings import RegistrySettings

_POLL_SECONDS = 0.05


class Admission:
    """Opens requests and turns their outcome into "go on" or an error.

    Inside the server nothing waits here: a pending request is raised at once and the ASGI app
    waits without holding a thread. Only in-process clients block.
    """

    def __init__(self, gate: Gate, *, blocking: bool) -> None:
        self.gate = gate
        self.blocking = blocking

    def pass_or_raise(self, ask: Ask) -> None:
        """Return once the request is granted, else raise.

        Raises:
            GateClosedError: refused; every failed rule is named.
            RequestPendingError: not decided yet.
        """
        request = self.gate.open_request(ask, utc_now())
        if self.blocking:
            request = self._wait(request)
        settled(request)

    def permit(self, ask: Ask) -> None:
        """Return if a copy or rename has an unused permit, else raise. The caller uses it up.

        Raises:
            GateClosedError, RequestPendingError: as `pass_or_raise`.
        """
        if not self.gate.has_permit(ask):
            self.pass_or_raise(ask)

    def _wait(self, request: Request) -> Request:
        deadline = time.monotonic() + self.gate.settings.of(RegistrySettings).gate_wait_seconds
        while is_worth_waiting(request) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            request = self.gate.get_request(request.id)
        return request


def ask_for_alias(version: VersionRecord, alias: str, actor: str) -> Ask:
    """Return the request for setting a governed alias.

    The champion is the version in Production: asking for either is the same request.
    """
    target = GOVERNED_ALIASES[alias.lower()]
    return Ask(
        kind=RequestKind.TRANSITION,
        version=version,
        judged_as=version.name,
        target=target,
        actor=actor,
        alias="" if target is Stage.PRODUCTION else alias.lower(),
    )


def ask_for_stage(version: VersionRecord, stage: Stage, actor: str, *, archive: bool) -> Ask:
    """Return the request for a stage transition."""
    return Ask(
        kind=RequestKind.TRANSITION,
        version=version,
        judged_as=version.name,
        target=stage,
        actor=actor,
        archive_existing=archive,
    )
