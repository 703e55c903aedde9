"""The one login: password, set-up link, sessions.

Rules: secrets are stored hashed; a wrong password costs a growing delay, never a lock-out; a changed
password or "log out everywhere" ends every session (their epoch).
"""
