"""Names of this machine that reach no further than itself."""

HOSTS = ("localhost", "127.0.0.1", "::1")
