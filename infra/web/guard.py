"""Uvicorn's HTTP protocol with time limits, and a close that lets the client read the answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.web.framing import StrictConnection
from infra.web.roster import Wait

if TYPE_CHECKING:
    from infra.web.roster import Roster

LINGER_SECONDS = 3.0
"""How long the rest of a refused body is read and thrown away, so the client sees the refusal."""
UNWANTED_BYTES = 1 << 20
"""How much of a body may still come after the answer, for the connection to be kept."""
MAX_HEADER_BYTES = 16 << 10
"""How much of a request's head may come in before it is complete."""
_TCP_INFO_BYTES = 136
_ACKED_AND_RECEIVED = struct.Struct("=QQ")
_ACKED_OFFSET = 120
"""Of `tcpi_bytes_acked` in `struct tcp_info`; `tcpi_bytes_received` follows. Linux 4.1."""


def raw_answer(status: str, code: str, message: str) -> bytes:
    """Return a whole HTTP answer with a platform error, for use before an app is called."""
    body = f'{{"error_code": "{code}", "message": "{message}", "hint": "try again"}}'
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        "retry-after: 1\r\nconnection: close\r\n\r\n"
    )
    return (head + body).encode()


_TOO_SLOW = raw_answer(
    "408 Request Timeout", "infra.too_slow", "expected a faster request, found a stalled one"
)
_FULL = raw_answer(
    "503 Service Unavailable",
    "infra.server_full",
    "expected room for a connection, found that all are busy",
)


class _Transport:
    """An asyncio transport whose `close` first reads what the client is still sending.

    A socket that is closed with unread bytes sends a reset, and a reset throws away the answer
    that the client has not read yet.
    """

    def __init__(self, inner: asyncio.Transport, protocol: GuardedProtocol) -> None:
        self._inner, self._protocol = inner, protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def is_closing(self) -> bool:
        return self._protocol.lingers or self._inner.is_closing()

    def close(self) -> None:
        if self._protocol.owes_bytes() and not self._inner.is_closing():
            self._protocol.linger()
        else:
            self._inner.close()


class GuardedProtocol(H11Protocol):
    """One connection, watched by its server's roster."""

    def __init__(self, roster: Roster, **given: Any) -> None:
        super().__init__(**given)
        self.conn = StrictConnection(h11.SERVER, MAX_HEADER_BYTES)
        self.lingers = False
        self.peer = ""
        self._roster = roster
        self._inner: asyncio.Transport | None = None
        self._requests = 0
        self._unwanted_bytes = 0
        self._counted: object = None
        self._was_dropped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or answer 503 and close it."""
        self._inner = inner = cast(asyncio.Transport, transport)
        self.peer = str((inner.get_extra_info("peername") or ("",))[0])
        super().connection_made(cast(asyncio.Transport, _Transport(inner, self)))
        if not self._roster.admit(self, self.loop.time()):
            inner.write(_FULL)
            if self._roster.turn_away(self):
                self.linger()
            else:
                self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._roster.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, unless the connection is closing."""
        if self.lingers:
            return
        super().data_received(data)
        if self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete:
            self._unwanted_bytes += len(data)
            if self._unwanted_bytes > UNWANTED_BYTES:
                self.linger()
        else:
            self._unwanted_bytes = 0

    def owes_bytes(self) -> bool:
        """Whether the client may still be sending."""
        return self.conn.their_state in {h11.SEND_BODY, h11.ERROR}

    def linger(self) -> None:
        """Send what is written, read what comes for a moment, then close."""
        if self._inner is None or self.lingers:
            return
        self.lingers = True
        if self._inner.can_write_eof():
            self._inner.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self._inner.abort)

    def stage(self) -> tuple[Wait, int]:
        """Return what the connection waits for, and how many requests it has had."""
        if self.cycle is not self._counted:
            self._counted, self._requests = self.cycle, self._requests + 1
        return self._wait(), self._requests

    def _wait(self) -> Wait:
        if self._inner is not None and self._inner.get_write_buffer_size():
            return Wait.READER
        if self.conn.their_state is h11.SEND_BODY:
            waits_for_us = self.flow.read_paused or self.cycle.waiting_for_100_continue
            return Wait.APP if waits_for_us else Wait.BODY
        if self.cycle is not None and not self.cycle.response_complete:
            return Wait.APP
        return Wait.REQUEST

    def moved_bytes(self) -> int:
        """Return how many bytes the client has sent and acknowledged, as TCP counts them.

        What the server has written is no measure: a kernel buffers megabytes for a slow reader.
        """
        if self._inner is None:
            return 0
        try:
            found = self._inner.get_extra_info("socket")
            info = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        except OSError:  # closed, and about to be forgotten
            return 0
        return sum(_ACKED_AND_RECEIVED.unpack_from(info, _ACKED_OFFSET))

    def drop(self) -> None:
        """End the connection; a client that has begun a request gets the reason first."""
        if self._inner is None:
            return
        has_begun = self.conn.their_state is h11.SEND_BODY or bool(self.conn.trailing_data[0])
        answered = self.cycle is not None and self.cycle.response_started
        idle = self.conn.their_state is h11.IDLE
        if self._was_dropped or not has_begun or (answered and not idle):
            self.reset()
            return
        self._was_dropped = True
        self._inner.write(_TOO_SLOW)
        self.linger()
        if self.cycle is not None and not self.cycle.response_complete:
            # The app waits for the rest of the body: it will not come.
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def reset(self) -> None:
        """End the connection at once, without an answer."""
        if self._inner is None:
            return
        with contextlib.suppress(OSError):
            # Otherwise the kernel goes on keeping what the client does not read.
            self._inner.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self._inner.abort()
