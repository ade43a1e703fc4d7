"""Endpoints, the progress of their rollouts, and ways back.

What traffic a rollout gets, and what its numbers mean, is decided in `serving`.
"""
