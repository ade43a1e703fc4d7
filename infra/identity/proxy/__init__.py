"""Believes an authenticating proxy: one at a listed address that shows a secret."""
