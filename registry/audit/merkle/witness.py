"""A witness: cosigns checkpoints of a log that only grows, and remembers what it cosigned.

It has a key and a folder of its own and asks no database, so that whoever owns the log's machine
cannot have it forget. It answers as C2SP's tlog-witness says.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.clock import Clock, utc_now
from infra.web.bodies import no_shape
from infra.web.edge import Edge
from infra.web.http import exception_handlers
from infra.web.protection import protection
from registry.audit.merkle.adapters.witness_memory import WitnessMemory
from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.domain.note import Signature, SigningKey, VerifierKey
from registry.audit.merkle.domain.submission import Refusal, Submission
from registry.audit.merkle.errors import MalformedError

PATH = "/add-checkpoint"
BODY_LIMIT_BYTES = 64 * 1024

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Witness:
    """Cosigns what continues what it cosigned before.

    Attributes:
        key: that cosigns.
        logs: keys of the logs that it watches, by their names.
    """

    key: SigningKey
    logs: Mapping[str, Sequence[VerifierKey]]
    memory: WitnessMemory
    clock: Clock = utc_now

    def add(self, body: str) -> Signature | Refusal:
        """Cosign a checkpoint, once it is remembered; or say why not.

        Raises:
            LogBrokenError: the memory was changed.
        """
        try:
            submission = Submission.parse(body)
            origin = Checkpoint.parse(submission.note.text).origin
            with self.memory.alone():
                judged = submission.judged(self.memory.last(origin), self.logs)
                if isinstance(judged, Refusal):
                    _logger.warning("not cosigned: %s", judged.reason)
                    return judged
                signature = self.key.sign(judged.text, int(self.clock().timestamp()))
                self.memory.remember(submission.note.adding(signature))
                return signature
        except MalformedError as err:
            return Refusal(400, err.message)


def create_app(witness: Witness, edge: Edge | None = None) -> Starlette:
    """Return the app of a witness."""

    async def add(request: Request) -> Response:
        try:
            body = (await request.body()).decode()
        except UnicodeDecodeError:
            return PlainTextResponse("expected text in UTF-8\n", 400)
        return _answer(await run_in_threadpool(witness.add, body))

    def tell_health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "key": str(witness.key.public)})

    return Starlette(
        routes=[
            Route(PATH, add, methods=["POST"]),
            Route("/health", tell_health, methods=["GET"]),
        ],
        exception_handlers=exception_handlers(),
        middleware=protection(edge or Edge(), shape=lambda _scope: no_shape),
    )


def _answer(outcome: Signature | Refusal) -> Response:
    if isinstance(outcome, Signature):
        return PlainTextResponse(f"{outcome}\n")
    if outcome.known_size is not None:
        return Response(f"{outcome.known_size}\n", outcome.status, media_type="text/x.tlog.size")
    return PlainTextResponse(f"{outcome.reason}\n", outcome.status)
