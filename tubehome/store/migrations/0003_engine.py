"""The engine: steps are about ranges, renditions grow, and a channel says what becomes of originals.

What was being prepared the old way is planned anew: its original is there, and what can be watched stays.
"""

from peewee import BooleanField, FloatField, ForeignKeyField, IntegerField, Model, TextField
from playhouse.sqlite_ext import AutoIncrementField

from tubehome.store.rebuild import rebuild


def up(migrator, db):
    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Channel(Base):
        name = TextField(unique=True)
        title = TextField()
        description = TextField()
        support = TextField()
        default_visibility = TextField()
        default_language = TextField()
        default_licence = TextField()
        keep_originals = TextField()
        avatar = TextField()
        banner = TextField()
        listed_videos = IntegerField()
        created_at = FloatField()
        removed_at = FloatField(null=True)

    class Video(Base):
        id = AutoIncrementField()

    class Rendition(Base):
        video = ForeignKeyField(Video, on_delete="CASCADE")
        height = IntegerField()
        file = TextField()
        width_px = IntegerField()
        height_px = IntegerField()
        size = IntegerField()
        bandwidth = IntegerField()
        details = TextField()
        final = BooleanField()

        class Meta:
            indexes = ((("video", "height"), True),)

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
        number = IntegerField()
        height = IntegerField()
        file = TextField()
        progress = FloatField()
        weight = FloatField()
        made = TextField()

        class Meta:
            indexes = (
                (("video", "position"), True),
                (("state",), False),
                (("video", "kind", "state", "weight", "progress"), False),
            )

    rebuild(db, Channel, {"keep_originals": ""})
    rebuild(db, Rendition, {"final": True})
    rebuild(db, Step, {"number": 0, "made": ""})
    _plan_anew(db)


def _plan_anew(db):
    old = "SELECT DISTINCT video_id FROM step WHERE kind IN ('encode', 'package') AND state != 'done'"
    for (video,) in db.execute_sql(old).fetchall():
        failed = "SELECT last_error, detail FROM step WHERE video_id = ? AND state = 'failed'"
        error = db.execute_sql(failed, (video,)).fetchone()
        db.execute_sql("DELETE FROM step WHERE video_id = ?", (video,))
        db.execute_sql(
            "INSERT INTO step (state, attempts, deaths, next_try, last_error, detail, video_id, position, kind, number,"
            " height, file, progress, weight, made) VALUES (?, 0, 0, 0, ?, ?, ?, 1, 'plan', 0, 0, '', 0, 1, '')",
            ("failed" if error else "waiting", *(error or (None, None)), video),
        )
