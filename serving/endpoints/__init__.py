"""Commands, views and health probes of endpoints and rollouts."""
