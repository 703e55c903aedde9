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


class Session(Model):
    """One browser in which the owner is logged in; its cookie carries the key."""

    key_sha256 = TextField(unique=True)
    device = TextField(default="")  # "Firefox, Windows": enough for the owner to know which one it is
    created_at = FloatField()
    seen_at = FloatField()  # to the hour or so: reading must not mean writing


class RecoveryCode(Model):
    """One of the codes to print: each opens the door once, when the password is lost."""

    code_sha256 = TextField(unique=True)
    used_at = FloatField(null=True)


class KnownDevice(Model):
    """A browser that was once logged in: strangers cannot raise its count of wrong passwords."""

    key_sha256 = TextField(unique=True)
    failures = IntegerField(default=0)
    retry_at = FloatField(default=0)
    seen_at = FloatField()


class Token(Model):
    """A key for programs (uploads), made by the owner."""

    name = TextField(unique=True)
    token_sha256 = TextField(unique=True)
    created_at = FloatField()
    expires_at = FloatField(null=True)  # None: never
    seen_at = FloatField(null=True)  # last use


MODELS = (Owner, SetupLink, Session, RecoveryCode, KnownDevice, Token)
