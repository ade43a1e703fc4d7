"""Endpoints for people: their commands, their views, and whether they answer."""
