"""Decides whether a version may move: the request, its verdict and ballots, and the grant.

Verdicts are made in `compliance`; what a grant moves lies in `registry/stages`.
"""
