"""Holds commands that span capabilities. A capability's own commands are in its `cli` module."""
