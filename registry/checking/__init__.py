"""Compares everything written about a model's versions, and repairs what disagrees.

Files are checked in `registry/artifacts`, tags of git repositories in `registry/git`.
"""
