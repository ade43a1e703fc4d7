"""What callers may change over HTTP and by commands: permissions checked, JSON in and out.

One module per kind of thing; the rules themselves are in the rooms below.
"""
