"""Keeps MLflow's own webhooks to those who may manage webhooks."""

from __future__ import annotations

from typing import Any

from registry.access.domain.verbs import Verb
from registry.plugin.governed import Governed
from registry.plugin.mlflow_errors import translated


class GovernedWebhooks(Governed):
    """Asks for the permission before a webhook is made, changed, deleted or shown."""

    @translated
    def create_webhook(self, *args: Any, **more: Any) -> Any:
        """Make a webhook."""
        self._allow(Verb.MANAGE_WEBHOOKS)
        return super().create_webhook(*args, **more)

    @translated
    def update_webhook(self, *args: Any, **more: Any) -> Any:
        """Change a webhook."""
        self._allow(Verb.MANAGE_WEBHOOKS)
        return super().update_webhook(*args, **more)

    @translated
    def delete_webhook(self, *args: Any, **more: Any) -> Any:
        """Delete a webhook."""
        self._allow(Verb.MANAGE_WEBHOOKS)
        return super().delete_webhook(*args, **more)

    @translated
    def get_webhook(self, *args: Any, **more: Any) -> Any:
        """Show a webhook; its URL may hold a token."""
        self._allow(Verb.MANAGE_WEBHOOKS)
        return super().get_webhook(*args, **more)

    @translated
    def list_webhooks(self, *args: Any, **more: Any) -> Any:
        """Show webhooks."""
        self._allow(Verb.MANAGE_WEBHOOKS)
        return super().list_webhooks(*args, **more)
