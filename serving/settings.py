"""The settings of `serving`, and the gateway's address."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from infra.settings import Group, Settings


class ServingSettings(Group):
    """How the gateway answers, and what the model servers run in."""

    gateway_port: int = Field(
        9000,
        ge=1,
        le=65535,
        validation_alias="ACGS_GATEWAY_PORT",
        description="Port of the inference gateway (Envoy).",
    )
    gateway_admin_port: int = Field(
        9001,
        ge=1,
        le=65535,
        validation_alias="ACGS_GATEWAY_ADMIN_PORT",
        description="Port for reading Envoy's numbers and readiness, always on 127.0.0.1.",
    )
    gateway_body_limit_bytes: int = Field(
        32 << 20,
        ge=1 << 10,
        le=(1 << 32) - 1,
        validation_alias="ACGS_GATEWAY_BODY_LIMIT_BYTES",
        description="Largest request body of the gateway, compressed or not; the model servers "
        "take 33554432 bytes at most.",
    )
    gateway_requests_per_second: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        validation_alias="ACGS_GATEWAY_REQUESTS_PER_SECOND",
        description="Most requests that the gateway takes of one client address, in requests per "
        "second; the others are answered 429.",
    )
    python: Path | None = Field(
        None,
        validation_alias="ACGS_SERVING_PYTHON",
        description="Interpreter of the model servers' own environment; "
        "empty means .venv-serving beside the platform's, else the one that `acgs setup` makes.",
    )


def gateway_url(settings: Settings) -> str:
    """Return the URL of the inference gateway."""
    return f"http://{settings.host}:{settings.of(ServingSettings).gateway_port}"
