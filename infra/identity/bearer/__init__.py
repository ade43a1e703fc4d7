"""Believes JWTs that an identity provider has signed: its keys, and what its claims mean."""
