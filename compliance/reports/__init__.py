"""Renders a scorecard as a page, and uploads it to an MLflow run."""
