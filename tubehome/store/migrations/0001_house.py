"""The house: content version, settings, owner, channels, videos, renditions, pictures, steps."""

import time

from peewee import BooleanField, FloatField, ForeignKeyField, IntegerField, Model, TextField
from playhouse.sqlite_ext import AutoIncrementField


def up(migrator, db):
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    _site(db, Base)
    _products(db, Base, _library(db, Base))


def _site(db, Base):
    class ContentVersion(Base):
        id = IntegerField(primary_key=True)
        version = IntegerField()
        changed_at = FloatField()

    class Setting(Base):
        key = TextField(primary_key=True)
        content = TextField()

    class Owner(Base):
        name = TextField(unique=True)
        password = TextField(null=True)
        epoch = TextField()
        failures = IntegerField()
        retry_at = FloatField()
        created_at = FloatField()

    class SetupLink(Base):
        token_sha256 = TextField(unique=True)
        expires_at = FloatField()

    db.create_tables([ContentVersion, Setting, Owner, SetupLink])
    ContentVersion.create(id=1, version=1, changed_at=time.time())


def _library(db, Base):
    class Channel(Base):
        name = TextField(unique=True)
        title = TextField()
        description = TextField()
        default_visibility = TextField()
        listed_videos = IntegerField()
        created_at = FloatField()

    class Video(Base):
        id = AutoIncrementField()
        uuid = TextField(unique=True)
        channel = ForeignKeyField(Channel, on_delete="RESTRICT")
        title = TextField()
        description = TextField()
        language = TextField()
        visibility = TextField()
        processing = TextField()
        removed = TextField(null=True)
        removed_at = FloatField(null=True)
        wait_transcoding = BooleanField()
        created_at = FloatField()
        updated_at = FloatField()
        playable_at = FloatField(null=True)
        out_at = FloatField(null=True)
        ready_at = FloatField(null=True)
        published_at = FloatField(null=True)
        source_name = TextField()
        source_size = IntegerField()
        source_sha256 = TextField(index=True)
        duration = FloatField()
        width = IntegerField()
        height = IntegerField()
        plan = TextField(null=True)
        progressive_height = IntegerField(null=True)
        progressive_size = IntegerField(null=True)

        class Meta:
            indexes = ((("channel", "published_at"), False), (("published_at",), False))

    db.create_tables([Channel, Video])
    return Video


def _products(db, Base, Video):
    class Rendition(Base):
        video = ForeignKeyField(Video, on_delete="CASCADE")
        height = IntegerField()
        file = TextField()
        width_px = IntegerField()
        height_px = IntegerField()
        size = IntegerField()
        bandwidth = IntegerField()
        details = TextField()

        class Meta:
            indexes = ((("video", "height"), True),)

    class Picture(Base):
        video = ForeignKeyField(Video, on_delete="CASCADE")
        file = TextField()
        width = IntegerField()
        height = IntegerField()
        size = IntegerField()

        class Meta:
            indexes = ((("video", "file"), True),)

    class Step(Base):
        id = AutoIncrementField()
        state = TextField()
        attempts = IntegerField()
        deaths = IntegerField()
        next_try = FloatField()
        last_error = TextField(null=True)
        detail = TextField(null=True)
        started_at = FloatField(null=True)
        finished_at = FloatField(null=True)
        video = ForeignKeyField(Video, on_delete="CASCADE")
        position = IntegerField()
        kind = TextField()
        height = IntegerField()
        file = TextField()
        progress = FloatField()
        weight = FloatField()

        class Meta:
            indexes = ((("video", "position"), True), (("state",), False))

    db.create_tables([Rendition, Picture, Step])
