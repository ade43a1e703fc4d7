"""Stands where MLflow calls the platform: its registry store, its server, its artifact proxy.

Translates calls and answers, and asks the gate before MLflow acts. The rules themselves are in the
rooms below, so no decision about a version is made here.
"""
