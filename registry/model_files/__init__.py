"""Reads a scikit-learn model's file without running it, judges every value, and writes it again.

A reader turns pickle or skops into one tree (`nodes`); the judge walks the tree; the writer makes a
new file of it. Knows nothing of constitutions, scores or servers.
"""
