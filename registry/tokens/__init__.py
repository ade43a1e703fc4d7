"""Service tokens: how CI and other programs prove who they are, and what each may do at most.

What people may do is not decided here, nor what a service may do beyond its token.
"""
