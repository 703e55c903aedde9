"""The tables of the library. Times are seconds since 1970, durations seconds, sizes bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import BooleanField, FloatField, ForeignKeyField, IntegerField, TextField
from playhouse.sqlite_ext import AutoIncrementField

from tubehome.jobs.rows import WorkRow
from tubehome.store.db import Model


class Channel(Model):
    """Where videos are published. Its name is its address, and is never renamed nor reused."""

    name = TextField(unique=True)
    title = TextField()
    description = TextField(default="")  # Markdown
    support = TextField(default="")  # an address where its makers can be supported, "" for none
    default_visibility = TextField(default="public")  # what new videos get, unless it is said otherwise
    default_language = TextField(default="")
    default_licence = TextField(default="")
    keep_originals = TextField(default="")  # a key of words.ORIGINALS
    avatar = TextField(default="")  # names of its pictures; a new picture has a new name
    banner = TextField(default="")
    listed_videos = IntegerField(default=0)  # kept by changes.changed
    created_at = FloatField()
    removed_at = FloatField(null=True)  # its name stays taken for ever


class Video(Model):
    """One video: the shared row. See the room's rules for processing, visibility and removed."""

    id = AutoIncrementField()  # never used twice: locks, messages and other sites name it
    if TYPE_CHECKING:  # what peewee adds
        channel_id: int
        shown_pictures: list[Picture]  # see queries: filled for lists alone

    uuid = TextField(unique=True)
    channel = ForeignKeyField(Channel, backref="videos", on_delete="RESTRICT")
    title = TextField()
    description = TextField(default="")  # Markdown
    language = TextField(default="")  # BCP 47, "" when not said
    licence = TextField(default="")  # a key of words.LICENCES, "" when not said
    tags = TextField(default="[]")  # a JSON list of texts, as typed
    visibility = TextField()
    processing = TextField()
    removed = TextField(null=True)
    removed_at = FloatField(null=True)
    wait_transcoding = BooleanField(default=False)
    created_at = FloatField()
    updated_at = FloatField()
    edited_at = FloatField(default=0)  # when the owner last changed what is said of it
    # the three moments, and the date that people see
    playable_at = FloatField(null=True)
    out_at = FloatField(null=True)
    ready_at = FloatField(null=True)
    published_at = FloatField(null=True)
    # the source
    source_name = TextField()
    source_size = IntegerField()
    source_sha256 = TextField(index=True)
    # what was found and made
    duration = FloatField(default=0)
    width = IntegerField(default=0)
    height = IntegerField(default=0)
    plan = TextField(null=True)  # media.plan.Plan as JSON
    progressive_height = IntegerField(null=True)
    progressive_size = IntegerField(null=True)
    thumbnail = TextField(default="")  # what the owner chose for its picture, "" for the one of the plan
    # the order of its preparation
    priority = FloatField(default=0)  # higher comes first
    held_at = FloatField(null=True)  # the owner paused it

    class Meta:
        indexes = ((("channel", "published_at"), False), (("published_at",), False))


class Rendition(Model):
    """One size of a video, verified: whole, or growing (then its pieces are in the steps that appended them)."""

    video = ForeignKeyField(Video, backref="renditions", on_delete="CASCADE")
    height = IntegerField()  # the label: lines along the shorter side
    file = TextField()
    width_px = IntegerField()
    height_px = IntegerField()
    size = IntegerField()
    bandwidth = IntegerField()  # bits/s, of the busiest segment
    details = TextField()  # media.hls.Rendition as JSON, with its segments; "" while it grows
    final = BooleanField(default=True)

    class Meta:
        indexes = ((("video", "height"), True),)


class Picture(Model):
    """One image file of a video's thumbnail."""

    if TYPE_CHECKING:
        video_id: int

    video = ForeignKeyField(Video, backref="pictures", on_delete="CASCADE")
    file = TextField()
    width = IntegerField()
    height = IntegerField()
    size = IntegerField()

    class Meta:
        indexes = ((("video", "file"), True),)


class Step(WorkRow):
    """One step of a video's preparation; `position` gives the order."""

    if TYPE_CHECKING:
        video_id: int

    id = AutoIncrementField()
    video = ForeignKeyField(Video, backref="steps", on_delete="CASCADE")
    position = IntegerField()
    kind = TextField()  # see flows.steps
    number = IntegerField(default=0)  # of the range that it is about
    height = IntegerField(default=0)  # of the rendition it makes; 0 when it makes none
    file = TextField(default="")  # the name of what it makes, chosen before: a repeated step leaves no second file
    progress = FloatField(default=0)  # 0 to 1
    weight = FloatField(default=0)  # its share of the whole work, as the plan estimates it
    made = TextField(default="")  # what later steps must know of what it made, as JSON

    class Meta:
        indexes = (
            (("video", "position"), True),
            (("state",), False),
            (("video", "kind", "state", "weight", "progress"), False),
        )


MODELS = (Channel, Video, Rendition, Picture, Step)
