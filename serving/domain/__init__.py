"""Decides about rollouts: plans, states, the statistics and the next step, as pure functions.

No database, process, gateway or clock: what was observed, and the time, are passed in.
"""
