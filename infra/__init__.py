"""Technical kit for every package: settings, errors, processes, stores, HTTP, the command line.

Knows no model, version, verdict or rollout, and imports no other package; these plug in through
`infra.component`.
"""
