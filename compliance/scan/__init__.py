"""Scans whether a model folder holds only what a plain scikit-learn model needs. Loads nothing."""
