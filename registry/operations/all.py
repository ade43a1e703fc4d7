"""Gathers the operations that the registry offers."""

from __future__ import annotations

from collections.abc import Mapping

from infra.component import Operation
from infra.secrets import Sealer
from infra.settings import Settings
from registry.bootstrap import open_registry
from registry.operations import access, delegations, findings, requests, standings
from registry.tokens import operations as tokens
from registry.tokens.service import Tokens
from registry.webhooks import operations as webhooks
from registry.webhooks.service import Webhooks


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return the operations; nothing is opened until the first is carried out."""
    registry = open_registry(settings)
    return {
        **requests.operations(registry),
        **delegations.operations(registry),
        **standings.operations(registry),
        **access.operations(registry),
        **findings.operations(settings, registry),
        **tokens.operations(registry.access, Tokens(registry.engine)),
        **webhooks.operations(registry.access, Webhooks(registry.engine, Sealer(settings))),
    }
