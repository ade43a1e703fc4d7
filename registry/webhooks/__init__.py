"""Delivers the audit trail's events to subscribers.

What an event means to its receiver belongs to the receiver.
"""
