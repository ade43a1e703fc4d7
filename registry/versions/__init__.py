"""Numbers, registers, finds and compares versions, and takes them over from plain MLflow."""
