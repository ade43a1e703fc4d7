"""Stands in for an identity provider: real keys and a JWKS over HTTP, but no log-in page."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "acgs"


@dataclass
class Issuer:
    """An issuer with one key, which can be rotated.

    Attributes:
        keys: what it publishes, by `kid`.
        asked: how often somebody asked for its keys.
        away: whether it answers 500.
    """

    url: str = "https://issuer.example"
    kid: str = "first"
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0
    away: bool = False
    private: Any = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def __post_init__(self) -> None:
        self.publish(self.kid, self.private.public_key())

    def publish(self, kid: str, key: Any, **more: Any) -> None:
        kind = RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else ECAlgorithm
        shown = kind.to_jwk(key, as_dict=True)
        self.keys[kid] = {**shown, "kid": kid, "use": "sig", **more}

    def rotate(self, kid: str = "second") -> None:
        """Sign with a new key from now on, and forget the old one."""
        self.private, self.kid = rsa.generate_private_key(65537, 2048), kid
        self.keys.clear()
        self.publish(kid, self.private.public_key())

    def document(self) -> bytes:
        return json.dumps({"keys": list(self.keys.values())}).encode()

    def public_pem(self) -> bytes:
        public = self.private.public_key()
        return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "alice",
            "iat": now,
            "exp": now + 600,
            **more,
        }

    def token(
        self,
        *,
        headers: dict[str, Any] | None = None,
        key: Any = None,
        algorithm: str = "RS256",
        without: tuple[str, ...] = (),
        **more: Any,
    ) -> str:
        claims = {name: value for name, value in self.claims(**more).items() if name not in without}
        given = {"kid": self.kid} if headers is None else headers
        return jwt.encode(claims, key or self.private, algorithm, headers=given)


def elliptic() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@contextmanager
def published(issuer: Issuer) -> Iterator[str]:
    """Serve an issuer's keys on loopback; yields their address."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            body = issuer.document()
            self.send_response(500 if issuer.away else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
