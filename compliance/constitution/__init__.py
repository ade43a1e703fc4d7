"""The constitution: its schema, the document that ships, and the lock that binds it.

Nothing here judges; the checks that a constitution names are in `compliance.checks`.
"""
