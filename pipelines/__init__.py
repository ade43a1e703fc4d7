"""Uses the platform as a team would: training, evaluation, live traffic, and the demo.

No other package of the platform imports this one, and no rule of the platform belongs here.
"""
