"""Scans, loads and asks models in throw-away processes that reach nothing."""

from compliance.sandbox.limits import JobLimits as Limits
from compliance.sandbox.sandbox import Predictions, Sandbox

__all__ = ["Limits", "Predictions", "Sandbox"]
