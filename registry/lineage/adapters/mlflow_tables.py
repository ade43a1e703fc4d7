"""Declares the columns of MLflow's tables that only lineage reads.

Declared, not imported, as in `registry.adapters.mlflow_tables`; a test compares them with MLflow's.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, Integer, String, Text, column, table

experiments = table("experiments", column("experiment_id", Integer), column("name", String))
runs = table(
    "runs",
    column("run_uuid", String),
    column("experiment_id", Integer),
    column("name", String),
    column("user_id", String),
    column("status", String),
    column("start_time", BigInteger),
    column("lifecycle_stage", String),
)
run_tags = table("tags", column("run_uuid", String), column("key", String), column("value", Text))
inputs = table(
    "inputs",
    column("input_uuid", String),
    column("source_type", String),
    column("source_id", String),
    column("destination_type", String),
    column("destination_id", String),
)
input_tags = table(
    "input_tags", column("input_uuid", String), column("name", String), column("value", String)
)
datasets = table(
    "datasets",
    column("dataset_uuid", String),
    column("experiment_id", Integer),
    column("name", String),
    column("digest", String),
    column("dataset_source_type", String),
    column("dataset_source", Text),
    column("dataset_schema", Text),
    column("dataset_profile", Text),
)
logged_models = table(
    "logged_models",
    column("model_id", String),
    column("experiment_id", Integer),
    column("name", String),
    column("source_run_id", String),
    column("lifecycle_stage", String),
)
logged_model_metrics = table(
    "logged_model_metrics",
    column("model_id", String),
    column("metric_name", String),
    column("metric_value", Float),
    column("dataset_name", String),
    column("dataset_digest", String),
)

COMMIT = "mlflow.source.git.commit"
BRANCH = "mlflow.source.git.branch"
REPOSITORY = "mlflow.source.git.repoURL"
PARENT_RUN = "mlflow.parentRunId"
CONTEXT = "mlflow.data.context"
EVALUATING = frozenset({"eval", "evaluation", "test", "testing", "validation", "holdout"})
"""Contexts of a dataset in a run that made no model from it."""
