"""Opens, migrates and probes the database and the object store. Holds no domain table."""
