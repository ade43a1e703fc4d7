"""Judges one version: gathers the facts, runs the checks, keeps the verdict, works the queue."""
