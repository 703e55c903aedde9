"""The ground: errors, configuration, clock, ids, text, languages and the table of addresses.

Rules: no database, no network, no process; nothing here knows of any other room. The one file that is
read is our own package's data (the language catalogues).
"""
