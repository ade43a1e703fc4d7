"""Subscriptions to the audit trail, and the deliveries that carry events to them.

What an event means to its receiver belongs to the receiver.
"""
