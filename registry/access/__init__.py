"""Who may do what: roles by name pattern and stage, in one document.

Who is asking is found out in `infra/identity`; whether a version is good enough is the gate's.
"""
