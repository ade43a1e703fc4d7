"""Composes MLflow's basic-auth with the platform: its users, its permissions, its pages.

MLflow decides what its users may do to experiments and models. Who a caller is comes from the
platform's sources, of which MLflow's passwords are one.
"""
