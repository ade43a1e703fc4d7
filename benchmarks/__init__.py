"""The numbers that the platform promises, measured: `python -m benchmarks`."""
