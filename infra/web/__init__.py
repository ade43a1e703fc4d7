"""Serves HTTP, checks requests before an app sees them, and asks the platform's own servers."""
