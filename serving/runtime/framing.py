"""Refuses requests whose end a proxy in front and this server could disagree about.

Where a length and chunks are both given, h11 goes by the chunks, and another reader may go by the
length: what is a body to one is the next request to the other. And h11 waits for chunks of up to
2^80 bytes, where another reader's number wraps. `infra.web.framing` says the same for the
platform's other servers; nothing of it can be imported here.
"""

from __future__ import annotations

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_LARGEST_CHUNK_BYTES = (1 << 63) - 1


class StrictConnection(h11.Connection):
    """A connection that accepts only one statement of where a body ends."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next event.

        Raises:
            h11.RemoteProtocolError: as h11 has it, or the end of the body is ambiguous.
        """
        event = super().next_event()
        problem = ""
        if isinstance(event, h11.Request) and _is_ambiguous(event):
            problem = "expected Content-Length or Transfer-Encoding, found both"
        elif getattr(self._reader, "_bytes_in_chunk", 0) > _LARGEST_CHUNK_BYTES:
            problem = "expected a chunk of at most 2^63 - 1 bytes, found a larger one"
        if problem:
            self._process_error(self.their_role)
            raise h11.RemoteProtocolError(problem)
        return event


class StrictProtocol(H11Protocol):
    """uvicorn's protocol over such a connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.conn = StrictConnection(h11.SERVER, self.conn._max_incomplete_event_size)


def _is_ambiguous(request: h11.Request) -> bool:
    names = {name for name, _ in request.headers}
    return {b"content-length", b"transfer-encoding"} <= names
