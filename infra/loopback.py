"""Names of this machine that are reachable from this machine only."""

HOSTS = ("localhost", "127.0.0.1", "::1")
