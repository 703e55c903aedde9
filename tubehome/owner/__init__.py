"""The one login: password, set-up link, sessions.

Rules: secrets are stored hashed; a wrong password costs a growing delay, never a lock-out; a changed
password or "log out everywhere" ends every session (their rows); a browser that was logged in before has a count of
wrong passwords of its own.
"""
