"""Answers what a version was made from, what was made from it, and what served when.

Reads the records of the registry and MLflow's runs; changes none of them.
"""
