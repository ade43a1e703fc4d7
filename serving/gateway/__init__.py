"""Envoy: what it is started with, how it splits traffic, what it takes from clients."""
