"""Keeps the files of registered versions: signs, replicates, re-reads, repairs and frees them.

Reading and proving a version's files before it is used is in `registry.files`, which works without
this capability. No model is loaded here.
"""
