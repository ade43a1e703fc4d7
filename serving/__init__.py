"""Brings a granted version into traffic: endpoints, model servers, the gateway, rollouts.

Whether a version may be in Production is decided in `registry`, and how good it is in `compliance`,
which this never imports. The rooms are named in docs/explanation/layout.md.
"""
