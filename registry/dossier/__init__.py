"""Writes a dossier: one file that answers an examiner offline, and verifies one by a public key.

What a dossier says is derived from events that the audit log proves, by pure rules that its
verifier runs again. Nothing here changes a model, and nothing here judges one.
"""
