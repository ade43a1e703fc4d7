"""Measures the numbers that the platform promises: `python -m benchmarks`."""
