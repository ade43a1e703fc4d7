"""Judges versions by a written constitution: evidence, checks, scores, verdicts and reports.

What follows from a verdict is decided in `registry`: nothing here moves a version. Models run only
in `compliance.sandbox`.
"""
