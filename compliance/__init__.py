"""Judges versions by a written constitution: evidence, checks, scores, verdicts and reports.

What follows from a verdict is decided in `registry`: nothing here moves a version. To be judged,
a model runs only in the confined processes of `compliance.sandbox`.
"""
