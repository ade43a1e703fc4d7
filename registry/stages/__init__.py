"""Where versions stand: stages and aliases in MLflow's rows, and who held which when.

Whether a version may move is decided in `registry/gate`.
"""
