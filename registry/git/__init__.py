"""Follows the audit trail with tags in a git repository, in the form that gto reads.

The tags tell what happened: nothing here decides whether a version may move, and the registry
does not wait for a repository or a remote.
"""
