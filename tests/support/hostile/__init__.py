"""Hostile model folders by kind; `tests.support.hostile_folders` is the table of all of them.

Payloads touch nothing but the marker and the secret of their own site, which lie under the folder
that a test gives them.
"""
