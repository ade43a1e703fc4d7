"""Holds rules about events that need nothing but their values."""
