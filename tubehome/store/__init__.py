"""What is kept: the database, files moved whole or not at all, locks between processes, migrations.

Rules: one database object for the whole program (`store.db.db`, the one accepted global), opened by boot;
a file becomes visible only by an atomic rename after fsync; nobody waits for a lock for ever.
"""
