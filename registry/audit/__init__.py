"""Records who did what: one insert writes the audit trail and the outbox.

Nothing here decides anything, and nothing here is ever changed or deleted.
"""
