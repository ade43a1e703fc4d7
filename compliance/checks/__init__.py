"""The checks that a constitution may name: pure functions of facts, with typed parameters."""
