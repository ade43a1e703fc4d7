"""Records endpoints, the progress of their rollouts, and rollbacks.

What traffic a rollout gets, and what its numbers mean, is decided in `serving`.
"""
