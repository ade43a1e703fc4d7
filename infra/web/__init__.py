"""What stands between a client of any kind and the platform's own servers."""
