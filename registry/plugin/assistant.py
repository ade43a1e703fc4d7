"""Refuses MLflow's assistant, which runs commands and writes files as the server's own user.

It is for a developer's own server: MLflow lets every client whose address is this machine's point
it to any model, allow it everything, and have that model run a shell. Here other users of the
machine are such clients, and secrets and registered files belong to that user.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.errors import RefusedError
from infra.web.http import error_response

_PATH = "/mlflow/assistant"


class AssistantRefusedError(RefusedError):
    """MLflow's assistant was asked for."""

    code = "registry.assistant_refused"


class NoAssistant:
    """ASGI middleware that lets no request reach the assistant."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless it is for the assistant."""
        if _PATH in str(scope.get("path", "")).lower():
            if scope["type"] == "http":
                refusal = AssistantRefusedError(
                    "expected a call that the platform governs, found one of MLflow's assistant, "
                    "which runs commands as the server's user",
                    hint="run MLflow's assistant on a server of your own",
                )
                await error_response(refusal)(scope, receive, send)
            return
        await self.app(scope, receive, send)
