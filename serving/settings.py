"""The settings of `serving`, and the gateway's address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.setting import PORT, Place, setting, whole
from infra.settings import Settings


@dataclass(frozen=True)
class ServingSettings:
    """How the gateway answers, and what the model servers run in."""

    gateway_port: int = setting(
        "ACGS_GATEWAY_PORT",
        9000,
        "Port of the inference gateway (Envoy).",
        PORT,
    )
    gateway_admin_port: int = setting(
        "ACGS_GATEWAY_ADMIN_PORT",
        9001,
        "Port for reading Envoy's numbers and readiness, always on 127.0.0.1.",
        PORT,
    )
    gateway_body_limit_bytes: int = setting(
        "ACGS_GATEWAY_BODY_LIMIT_BYTES",
        32 << 20,
        "Largest request body of the gateway, compressed or not; the model servers "
        "take 33554432 bytes at most.",
        whole(at_least=1 << 10, at_most=(1 << 32) - 1),
    )
    gateway_requests_per_second: int = setting(
        "ACGS_GATEWAY_REQUESTS_PER_SECOND",
        10_000,
        "Most requests that the gateway takes of one client address, in requests per "
        "second; the others are answered 429.",
        whole(at_least=1, at_most=1_000_000),
    )
    python: Path | None = setting(
        "ACGS_SERVING_PYTHON",
        None,
        "Interpreter of the model servers' own environment; "
        "empty means .venv-serving beside the platform's, else the one that `acgs setup` makes.",
        Place(),
    )


def gateway_url(settings: Settings) -> str:
    """Return the URL of the inference gateway."""
    return f"http://{settings.host}:{settings.of(ServingSettings).gateway_port}"
