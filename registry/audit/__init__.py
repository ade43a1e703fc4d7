"""What happened and who did it: one insert for the audit trail and the outbox, and reading them.

Nothing here decides anything, and nothing here is ever changed or deleted.
"""
