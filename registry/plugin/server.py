"""Runs the role `registry`: MLflow's server in this process, with the governed store.

Never `mlflow server`, whose children outlive it, keep the port, and make a failed restart
exit 0.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import Health, Probe, Role
from registry.settings import RegistrySettings, registry_uri, tracking_url

if TYPE_CHECKING:
    from infra.settings import Settings

READY_TIMEOUT_SECONDS = 5.0


def registry_role() -> Role:
    """Return the role."""
    return Role(
        name="registry",
        summary="MLflow server: UI, REST, tracking and the governed registry",
        run=run,
        ready=ready,
        url=tracking_url,
        ports=_ports,
    )


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve until asked to stop.

    Raises:
        PlatformError: the plugin is missing, the constitution is unreadable or the database does
            not answer; the server does not start.
    """
    from infra.identity import open_mode

    open_mode.check(settings)
    _configure_mlflow(settings)
    from infra.web import http
    from infra.web.edge import Edge
    from registry.plugin import boot, private_artifacts, s3_artifacts
    from registry.plugin.app import build
    from registry.plugin.startup import open_stores

    app = build(settings)
    s3_artifacts.install(settings, open_stores(settings).registry.files.uploads)
    private_artifacts.install()
    boot.announce(settings)
    edge = Edge.of(settings, settings.of(RegistrySettings).body_limit_bytes)
    http.serve(app, settings.host, settings.of(RegistrySettings).port, stop, edge)


def ready(settings: Settings) -> Probe:
    """Ask the server that started last for a call through the governed store."""
    from infra.web import own_servers
    from registry.plugin import boot

    expected = boot.announced(settings)
    if expected is None:
        return Probe("registry", Health.STARTING, "not started yet")
    try:
        answer = own_servers.get(
            f"{tracking_url(settings)}/acgs/ready", timeout_seconds=READY_TIMEOUT_SECONDS
        )
    except own_servers.NoAnswerError as err:
        return Probe("registry", Health.STARTING, f"no answer: {err}", silent=True)
    if not answer.ok:
        return Probe("registry", Health.FAILED, answer.text[:500])
    found = answer.json().get("boot")
    if found != expected:
        return Probe(
            "registry", Health.FAILED, f"another server answers on {tracking_url(settings)}"
        )
    return Probe("registry", Health.OK)


def _ports(settings: Settings) -> Sequence[tuple[str, int]]:
    return (("ACGS_REGISTRY_PORT", settings.of(RegistrySettings).port),)


def _configure_mlflow(settings: Settings) -> None:
    """Set the environment variables that `mlflow server` would set for its flags."""
    from infra.secrets import secret_file
    from infra.stores import object_store

    artifacts = settings.artifacts_destination
    object_store.export(settings)
    if "://" not in artifacts:
        os.makedirs(artifacts, mode=0o700, exist_ok=True)
    key = secret_file(settings, "mlflow-webhooks.key", _fernet_key)
    flask_key = secret_file(settings, "mlflow-flask.key", _fernet_key)
    # Else reading the gateway's models asks a server on the internet, and waits minutes offline.
    os.environ.setdefault("MLFLOW_MODEL_CATALOG_URI", "")
    os.environ.update(
        {
            "_MLFLOW_SERVER_FILE_STORE": settings.sqlalchemy_url,
            "_MLFLOW_SERVER_REGISTRY_STORE": registry_uri(settings),
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
            "_MLFLOW_SGI_NAME": "uvicorn",
            "_MLFLOW_IN_JOB_EXECUTOR": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_TRACKING_URI": settings.sqlalchemy_url,
            "MLFLOW_REGISTRY_URI": registry_uri(settings),
            # Without it every process makes its own and cannot read the others' secrets.
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": flask_key,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # `infra.web.names` is in front, and stricter: MLflow's own list lets names such as
            # 10.example.org pass for private addresses.
            "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
            "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": settings.allowed_origins,
        }
    )


def _fernet_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()
