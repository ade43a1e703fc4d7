"""Who is asking: what a caller is, where that is known from, and how it is checked.

What a caller may do is not decided here.
"""
