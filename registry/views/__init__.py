"""Records as JSON values, one shape for the command line and for HTTP."""
