"""The `acgs` command and what people see of it: options, the acting person, tables. No use case."""
