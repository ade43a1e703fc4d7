"""The settings of `compliance`, and the scorer's address."""

from __future__ import annotations

from pydantic import Field

from infra.settings import Group, Settings


class ComplianceSettings(Group):
    """How the scorer judges and answers."""

    target: float = Field(
        0.95,
        ge=0,
        le=1,
        validation_alias="CONSTITUTIONAL_COMPLIANCE_TARGET",
        description="Lowest score for Production; may raise the constitution's, never lower it.",
    )
    port: int = Field(
        9002,
        ge=1,
        le=65535,
        validation_alias="ACGS_COMPLIANCE_PORT",
        description="Port of the compliance scorer's webhook receiver.",
    )
    body_limit_bytes: int = Field(
        1 << 20,
        ge=1 << 10,
        validation_alias="ACGS_WEBHOOK_BODY_LIMIT_BYTES",
        description="Largest request body of the compliance scorer.",
    )


def compliance_url(settings: Settings) -> str:
    """Return the URL of the compliance scorer's webhook receiver."""
    return f"http://{settings.host}:{settings.of(ComplianceSettings).port}"
