"""Scans, loads and runs models in throw-away confined processes."""

from compliance.sandbox.limits import JobLimits as Limits
from compliance.sandbox.sandbox import Predictions, Sandbox

__all__ = ["Limits", "Predictions", "Sandbox"]
