"""Says what a governed version is, and whether it may move: its rules, records and commands.

Each room is a capability, named in docs/explanation/layout.md. How a version is judged belongs to
`compliance`, how it reaches traffic to `serving`; neither is imported here.
"""
