"""The settings of `compliance`, and the scorer's address."""

from __future__ import annotations

from dataclasses import dataclass

from infra.setting import PORT, number, setting, whole
from infra.settings import Settings


@dataclass(frozen=True)
class ComplianceSettings:
    """How the scorer judges and answers."""

    target: float = setting(
        "CONSTITUTIONAL_COMPLIANCE_TARGET",
        0.95,
        "Lowest score for Production; may raise the constitution's, never lower it.",
        number(at_least=0, at_most=1),
    )
    port: int = setting(
        "ACGS_COMPLIANCE_PORT",
        9002,
        "Port of the compliance scorer's webhook receiver.",
        PORT,
    )
    body_limit_bytes: int = setting(
        "ACGS_WEBHOOK_BODY_LIMIT_BYTES",
        1 << 20,
        "Largest request body of the compliance scorer.",
        whole(at_least=1 << 10),
    )


def compliance_url(settings: Settings) -> str:
    """Return the URL of the compliance scorer's webhook receiver."""
    return f"http://{settings.host}:{settings.of(ComplianceSettings).port}"
