"""Proves the audit trail: numbers events into a Merkle tree, signs checkpoints, verifies files.

The tree is RFC 6962's, the files are C2SP's signed notes and lines of JSON
(docs/reference/audit-log.md). Nothing here decides who may do what.
"""
