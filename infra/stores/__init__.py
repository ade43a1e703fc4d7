"""The database and the object store: opened, migrated, probed. No table of a domain."""
