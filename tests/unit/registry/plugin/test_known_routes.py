"""Every group of MLflow's routes was read for what it does to files and processes.

Another one, of a newer MLflow, is to be read before it is served: what writes or deletes files
belongs to `registry.plugin.artifact_targets`, what runs commands is refused
(`registry.plugin.assistant`), and what runs code is switched off (`registry.plugin.server`).
"""

from __future__ import annotations

import re

from tests.support.mlflow_routes import routes

_API = re.compile(r"/(?:ajax-)?api/\d\.\d/?")
GUARDED = {
    "mlflow-artifacts/artifacts", "mlflow-artifacts/mpu", "mlflow/artifacts", "mlflow/demo",
    "mlflow/experiments", "mlflow/logged-models", "mlflow/runs", "mlflow/traces",
    "mlflow/upload-artifact", "mlflow/model-versions", "mlflow/registered-models",
}  # fmt: skip
"""They write or delete files, or what files belong to; the platform stands in front."""
REFUSED = {"mlflow/assistant"}
"""They run commands."""
SWITCHED_OFF = {
    "jobs", "jobs/1", "jobs/cancel", "jobs/search", "mlflow/genai", "mlflow/issues", "mlflow/jobs",
    "mlflow/prompt-optimization", "mlflow/scorer", "mlflow/workspaces",
}  # fmt: skip
"""They run code in processes of the server's, which does not execute jobs."""
ROWS_ALONE = {
    "gateway/1", "gateway/anthropic", "gateway/gemini", "gateway/mlflow", "gateway/openai",
    "gateway/proxy", "gateway/typesafe", "graphql", "health", "mlflow/datasets", "mlflow/gateway",
    "mlflow/gateway-proxy", "mlflow/get-online-trace-details", "mlflow/get-trace-artifact",
    "mlflow/label-schemas", "mlflow/mcp-servers", "mlflow/metrics", "mlflow/review-queues",
    "mlflow/scorers", "mlflow/server-info", "mlflow/ui-telemetry", "mlflow/unified-traces",
    "mlflow/webhooks", "mlflow-artifacts/presigned", "model-versions/get-artifact",
    "get-artifact", "static-files/1", "build/1", "v1/traces", "version", "",
}  # fmt: skip
"""They read files, ask a provider, or keep rows of the tracking store."""


def group(path: str) -> str:
    return "/".join(_API.sub("/", path).strip("/").split("/")[:2])


def test_no_group_of_mlflows_routes_is_unknown() -> None:
    assert {group(path) for _, path in routes()} == GUARDED | REFUSED | SWITCHED_OFF | ROWS_ALONE
