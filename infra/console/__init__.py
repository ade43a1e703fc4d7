"""The `acgs` command and its shared parts: options, actor, tables. Holds no use case."""
