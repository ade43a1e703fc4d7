"""Reads which names are governed and which constitution is in force; changes nothing.

What the constitution says of a model is judged in `compliance`.
"""
