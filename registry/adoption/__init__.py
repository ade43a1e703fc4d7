"""Takes over the versions that plain MLflow registered, and gives a database back to plain MLflow.

What a record says and which number it gets is decided in `registry.versions`; this calls it for
many versions, in pieces that survive a kill.
"""
