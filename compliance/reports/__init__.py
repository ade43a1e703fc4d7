"""A scorecard as a page for people, and where MLflow shows it."""
