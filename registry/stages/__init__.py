"""Records positions: stages and aliases in MLflow's rows, and which version held which when.

Whether a version may move is decided in `registry/gate`.
"""
