"""Runs roles as processes: starts, watches, restarts them and asks whether they are ready."""
