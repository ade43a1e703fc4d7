"""Versions: how they are numbered, registered, found, compared and taken over from plain MLflow."""
