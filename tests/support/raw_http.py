"""Clients that behave badly, on plain sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def connected(port: int, seconds: float = 30.0, receive_bytes: int = 0) -> Iterator[socket.socket]:
    """Connect; a small `receive_bytes` makes a client that soon has no room for more."""
    with socket.socket() as client:
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(seconds)
        client.connect(("127.0.0.1", port))
        yield client


def head(method: str, path: str, port: int, *lines: str, host: str | None = None) -> bytes:
    """Return the head of a request."""
    named = host if host is not None else f"127.0.0.1:{port}"
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {named}", *lines, "", ""]).encode()


def answer_of(client: socket.socket) -> tuple[int, bytes]:
    """Read until the server closes or the answer is whole; (0, b"") where it says nothing."""
    received = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while not _is_whole(received):
            piece = client.recv(65536)
            if not piece:
                break
            received += piece
    if not received.startswith(b"HTTP/1.1 "):
        return 0, received
    return int(received[9:12]), received.partition(b"\r\n\r\n")[2]


def _is_whole(received: bytes) -> bool:
    top, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in top.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return b"transfer-encoding" in top.lower() and body.endswith(b"0\r\n\r\n")


def ask(port: int, request: bytes) -> tuple[int, bytes]:
    """Send a whole request and return status and body."""
    with connected(port) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(request)
        return answer_of(client)


def in_chunks(client: socket.socket, total_bytes: int, piece: bytes = b"x" * 65536) -> int:
    """Send a chunked body until it is whole or the server wants no more; return what was sent."""
    sent = 0
    with contextlib.suppress(ConnectionError, TimeoutError):
        while sent < total_bytes:
            client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            sent += len(piece)
        client.sendall(b"0\r\n\r\n")
    return sent


def seconds_until_closed(client: socket.socket, limit_seconds: float, drip: bytes = b"") -> float:
    """Wait until the server closes, sending a byte of `drip` now and then."""
    began = time.monotonic()
    left: Sequence[int] = drip
    client.settimeout(0.2)
    while time.monotonic() - began < limit_seconds:
        try:
            if not client.recv(1 << 16):
                return time.monotonic() - began
        except TimeoutError:
            pass
        except ConnectionError:
            return time.monotonic() - began
        if left:
            with contextlib.suppress(ConnectionError):
                client.send(bytes(left[:1]))
            left = left[1:]
    raise AssertionError(f"expected the server to close in {limit_seconds} s, found it did not")


def told(body: bytes) -> dict[str, Any]:
    """Read a JSON error."""
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def resident_bytes(pid: int) -> int:
    """Return how much memory a process uses."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"expected a process {pid}, found none")
