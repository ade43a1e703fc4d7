"""Declares the columns of MLflow's tables that the platform reads and, on a grant, writes.

Declared here rather than imported, so that the CLI and the roles need not import MLflow.
A test compares them with MLflow's models (3.17.2).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    Integer,
    String,
    Text,
    column,
    func,
    table,
)

WORKSPACE = "default"
PROMPT_SOURCES = ("dummy-source", "prompt-template")
"""Sources of prompt versions, which have no files: as clients and as stores make them."""

registered_models = table(
    "registered_models",
    column("workspace", String),
    column("name", String),
    column("creation_time", BigInteger),
    column("last_updated_time", BigInteger),
    column("description", String),
)

model_versions = table(
    "model_versions",
    column("workspace", String),
    column("name", String),
    column("version", Integer),
    column("creation_time", BigInteger),
    column("last_updated_time", BigInteger),
    column("description", String),
    column("current_stage", String),
    column("source", String),
    column("storage_location", String),
    column("run_id", String),
)

HAS_FILES = model_versions.c.source.not_in(PROMPT_SOURCES)
"""Whether a version is a model's; MLflow keeps prompts in the same table."""

LOCATION = func.coalesce(
    func.nullif(model_versions.c.storage_location, ""), model_versions.c.source
)
"""Where MLflow reads a version's files; versions older than MLflow 2.6 have no location."""

model_version_tags = table(
    "model_version_tags",
    column("workspace", String),
    column("name", String),
    column("version", Integer),
    column("key", String),
    column("value", Text),
)

registered_model_tags = table(
    "registered_model_tags",
    column("workspace", String),
    column("name", String),
    column("key", String),
    column("value", String),
)

aliases = table(
    "registered_model_aliases",
    column("workspace", String),
    column("name", String),
    column("alias", String),
    column("version", Integer),
)

experiments = table(
    "experiments",
    column("experiment_id", Integer),
    column("name", String),
    column("artifact_location", String),
)
runs = table(
    "runs",
    column("run_uuid", String),
    column("experiment_id", Integer),
    column("artifact_uri", String),
    column("lifecycle_stage", String),
)
run_tags = table(
    "tags",
    column("run_uuid", String),
    column("key", String),
    column("value", Text),
)
inputs = table(
    "inputs",
    column("source_type", String),
    column("source_id", String),
    column("destination_type", String),
    column("destination_id", String),
)
datasets = table(
    "datasets",
    column("dataset_uuid", String),
    column("name", String),
    column("digest", String),
)
logged_models = table(
    "logged_models",
    column("model_id", String),
    column("artifact_location", String),
    column("source_run_id", String),
)
logged_model_tags = table(
    "logged_model_tags",
    column("model_id", String),
    column("tag_key", String),
    column("tag_value", Text),
)
params = table(
    "params",
    column("run_uuid", String),
    column("key", String),
    column("value", String),
)
latest_metrics = table(
    "latest_metrics",
    column("run_uuid", String),
    column("key", String),
    column("value", Float),
    column("is_nan", Boolean),
)
logged_model_params = table(
    "logged_model_params",
    column("model_id", String),
    column("param_key", String),
    column("param_value", Text),
)
logged_model_metrics = table(
    "logged_model_metrics",
    column("model_id", String),
    column("metric_name", String),
    column("metric_value", Float),
    column("metric_timestamp_ms", BigInteger),
    column("metric_step", BigInteger),
)


DELETED = "Deleted_Internal"
"""MLflow's stage of a deleted version (STAGE_DELETED_INTERNAL)."""
