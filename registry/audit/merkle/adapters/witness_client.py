"""Asks a witness to cosign, over HTTP."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

from registry.audit.merkle.errors import WitnessAwayError

TIMEOUT_SECONDS = 10.0
_LARGEST_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answered."""

    status: int
    text: str


def post(url: str, body: str) -> Answer:
    """Send a request to a witness.

    Raises:
        WitnessAwayError: no witness answered in time.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", parts.path, body.encode(), {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(_LARGEST_ANSWER_BYTES).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as err:
        raise WitnessAwayError(
            f"expected the witness at {url} to answer, found {type(err).__name__}: {err}",
            hint="start it there: acgs run witness; checkpoints are cosigned once it answers",
        ) from err
    finally:
        connection.close()
