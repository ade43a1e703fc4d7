"""Commands that span capabilities. A capability's own commands lie in its `cli` module."""
