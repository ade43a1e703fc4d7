"""Builds JSON from records, in one shape for the command line and for HTTP."""
