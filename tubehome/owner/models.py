"""The tables of the login. There is one owner."""

from __future__ import annotations

from peewee import FloatField, IntegerField, TextField

from tubehome.store.db import Model


class Owner(Model):
    name = TextField(unique=True)
    password = TextField(null=True)  # Argon2id, PHC format; None: no password yet, no login
    epoch = TextField()  # random; a session carries it, and ends when it changes
    failures = IntegerField(default=0)  # wrong passwords in a row
    retry_at = FloatField(default=0)  # seconds since 1970: before it, no attempt is looked at
    created_at = FloatField()


class SetupLink(Model):
    token_sha256 = TextField(unique=True)
    expires_at = FloatField()


MODELS = (Owner, SetupLink)
