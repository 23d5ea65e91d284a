"""The connections: every store, queue, database and pool, embedded or production by one setting."""
