"""The studio: sessions, codes, tokens; uploads; what is said of videos and channels; the order of the work."""

from peewee import BooleanField, FloatField, ForeignKeyField, IntegerField, Model, TextField
from playhouse.sqlite_ext import AutoIncrementField

from tubehome.store.rebuild import rebuild


def up(migrator, db):
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    _owner(db, Base)
    _uploads(db, Base, _library(db, Base))


def _owner(db, Base):
    class Session(Base):
        key_sha256 = TextField(unique=True)
        device = TextField()
        created_at = FloatField()
        seen_at = FloatField()

    class RecoveryCode(Base):
        code_sha256 = TextField(unique=True)
        used_at = FloatField(null=True)

    class KnownDevice(Base):
        key_sha256 = TextField(unique=True)
        failures = IntegerField()
        retry_at = FloatField()
        seen_at = FloatField()

    class Token(Base):
        name = TextField(unique=True)
        token_sha256 = TextField(unique=True)
        created_at = FloatField()
        expires_at = FloatField(null=True)
        seen_at = FloatField(null=True)

    db.create_tables([Session, RecoveryCode, KnownDevice, Token])


def _library(db, Base):
    class Channel(Base):
        name = TextField(unique=True)
        title = TextField()
        description = TextField()
        support = TextField()
        default_visibility = TextField()
        default_language = TextField()
        default_licence = TextField()
        avatar = TextField()
        banner = TextField()
        listed_videos = IntegerField()
        created_at = FloatField()
        removed_at = FloatField(null=True)

    class Video(Base):
        id = AutoIncrementField()
        uuid = TextField(unique=True)
        channel = ForeignKeyField(Channel, on_delete="RESTRICT")
        title = TextField()
        description = TextField()
        language = TextField()
        licence = TextField()
        tags = TextField()
        visibility = TextField()
        processing = TextField()
        removed = TextField(null=True)
        removed_at = FloatField(null=True)
        wait_transcoding = BooleanField()
        created_at = FloatField()
        updated_at = FloatField()
        edited_at = FloatField()
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
        thumbnail = TextField()
        priority = FloatField()
        held_at = FloatField(null=True)

        class Meta:
            indexes = ((("channel", "published_at"), False), (("published_at",), False))

    rebuild(db, Channel, {"support": "", "default_language": "", "default_licence": "", "avatar": "", "banner": ""})
    rebuild(db, Video, {"licence": "", "tags": "[]", "thumbnail": "", "priority": 0.0, "edited_at": 0.0})
    return Video


def _uploads(db, Base, Video):
    class Upload(Base):
        id = AutoIncrementField()
        state = TextField()
        attempts = IntegerField()
        deaths = IntegerField()
        next_try = FloatField()
        last_error = TextField(null=True)
        detail = TextField(null=True)
        started_at = FloatField(null=True)
        finished_at = FloatField(null=True)
        uuid = TextField(unique=True)
        name = TextField()
        length = IntegerField()
        metadata = TextField()
        title = TextField()
        description = TextField()
        channel = TextField()
        visibility = TextField()
        language = TextField()
        again = BooleanField()
        token = TextField()
        video = ForeignKeyField(Video, null=True, on_delete="SET NULL")
        created_at = FloatField()
        expires_at = FloatField()

        class Meta:
            indexes = ((("state",), False),)

    db.create_tables([Upload])
