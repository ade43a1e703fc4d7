"""The rollout controller: what it sees of an endpoint, what it decides, what it reports."""
