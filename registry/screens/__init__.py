"""What people see of a request before they vote: its facts as JSON, and as a page.

Nothing is decided or changed here.
"""
