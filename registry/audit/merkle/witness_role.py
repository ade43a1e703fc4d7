"""Runs the role `witness`, best on another machine, by another person. Safe to kill at any time."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from infra.component import Health, Probe, Role
from infra.errors import SettingsError
from registry.audit.merkle.settings import WitnessSettings, witness_url

if TYPE_CHECKING:
    from infra.settings import Settings

NAME = "witness"
FOLDER = "witness"
READY_TIMEOUT_SECONDS = 2.0

_logger = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Cosign until `stop` is set.

    Raises:
        SettingsError: no log is named.
        MalformedError: a log's key has another form.
    """
    from infra.web import http
    from infra.web.edge import Edge
    from registry.audit.merkle.adapters.keys import own_key, read_keys
    from registry.audit.merkle.adapters.witness_memory import WitnessMemory
    from registry.audit.merkle.domain.note import KeyKind, VerifierKey
    from registry.audit.merkle.witness import BODY_LIMIT_BYTES, Witness, create_app

    chosen = settings.of(WitnessSettings)
    logs: dict[str, list[VerifierKey]] = {}
    for log in read_keys(chosen.log_keys):
        logs.setdefault(log.name, []).append(log)
    if not logs:
        raise SettingsError(
            "expected the key of a log in ACGS_WITNESS_LOGS, found none",
            hint="where the log is: acgs audit public-key >log.vkey; name that file here",
        )
    key = own_key(settings, KeyKind.WITNESS)
    _logger.info("witness %s watches %s", key.public, ", ".join(logs))
    memory = WitnessMemory.open(settings.folder(FOLDER), key.public)
    edge = Edge.of(settings, BODY_LIMIT_BYTES)
    app = create_app(Witness(key, logs, memory), edge)
    http.serve(app, settings.host, chosen.port, stop, edge)


def ready(settings: Settings) -> Probe:
    """Probe the witness: OK once it answers."""
    from infra.web import own_servers

    try:
        answer = own_servers.get(
            f"{witness_url(settings)}/health", timeout_seconds=READY_TIMEOUT_SECONDS
        )
    except own_servers.NoAnswerError as err:
        return Probe(NAME, Health.STARTING, f"no answer yet: {err}")
    return Probe(NAME, Health.OK if answer.ok else Health.FAILED, f"HTTP {answer.status}")


def witness_role() -> Role:
    """Return the role's description for the platform."""
    return Role(
        name=NAME,
        summary="cosigns checkpoints of audit logs that only grow; has a key and memory of its own",
        run=run,
        ready=ready,
        url=witness_url,
        ports=lambda settings: (("ACGS_WITNESS_PORT", settings.of(WitnessSettings).port),),
        apart=True,
    )
