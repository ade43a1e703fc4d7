"""Uploads reports to MLflow runs, as HTML, Markdown and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compliance.reports.report import render_html, render_markdown, summary
from infra.errors import UnavailableError

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "acgs-governance"
HTTP_SECONDS = "10"


class Reports:
    """Writes governance runs through MLflow's client; connects on first use.

    Args:
        tracking_url: of the MLflow server.
        token: that proves this process to a server which asks who is there.
    """

    def __init__(self, tracking_url: str, token: str | None = None) -> None:
        self._url = tracking_url
        self._token = token
        self._client: MlflowClient | None = None
        self._experiment_id: str | None = None

    def create(self, name: str, semver: str) -> str:
        """Create the run that will hold a version's report; return its id.

        Raises:
            UnavailableError: the MLflow server does not answer.
        """
        client = self._connect()
        try:
            run = client.create_run(
                self._experiment(client),
                run_name=f"governance/{name} {semver}",
                tags={"mlflow.user": "acgs", "model": name, "semver": semver},
            )
        except Exception as err:
            self._experiment_id = None
            raise UnavailableError(f"MLflow refused the governance run: {err}") from err
        return str(run.info.run_id)

    def upload(self, run_id: str, document: Mapping[str, Any]) -> None:
        """Write a scorecard's report into its run and end the run; idempotent.

        Raises:
            UnavailableError: the MLflow server does not answer.
        """
        # Outside the block below: a report that cannot be written is not MLflow's failure.
        texts = {
            "report.html": render_html(document),
            "report.md": render_markdown(document),
            "scorecard.json": json.dumps(document, indent=2, sort_keys=True),
        }
        score, note = float(document["score"]), summary(document)
        client = self._connect()
        try:
            for name, text in texts.items():
                client.log_text(run_id, text, name)
            client.log_metric(run_id, "constitutional_compliance_score", score)
            client.set_tag(run_id, "verdict", "passed" if document["passed"] else "refused")
            client.set_tag(run_id, "mlflow.note.content", note)
            client.set_terminated(run_id)
        except Exception as err:
            raise UnavailableError(f"MLflow refused the report for run {run_id}: {err}") from err

    def warm_up(self) -> None:
        """Import and connect now, so that the first verdict is not delayed."""
        self._experiment(self._connect())

    def _connect(self) -> MlflowClient:
        if self._client is None:
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", HTTP_SECONDS)
            os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
            if self._token:
                # A user of the environment's would come before the token.
                os.environ.pop("MLFLOW_TRACKING_USERNAME", None)
                os.environ["MLFLOW_TRACKING_TOKEN"] = self._token
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=self._url, registry_uri=self._url)
        return self._client

    def _experiment(self, client: MlflowClient) -> str:
        if self._experiment_id is None:
            found = client.get_experiment_by_name(EXPERIMENT)
            try:
                self._experiment_id = (
                    found.experiment_id if found else str(client.create_experiment(EXPERIMENT))
                )
            except Exception:
                # Another process created the experiment meanwhile; if not, this fails as well.
                found = client.get_experiment_by_name(EXPERIMENT)
                if found is None:
                    raise
                self._experiment_id = str(found.experiment_id)
        return self._experiment_id
