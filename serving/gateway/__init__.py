"""The Envoy gateway: how it starts, splits traffic, and what it accepts from clients."""
