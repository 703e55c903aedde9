"""The table of uploads. `state` begins as « receiving »; from the last byte on it is work (`jobs.rows`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peewee import BooleanField, FloatField, ForeignKeyField, IntegerField, TextField
from playhouse.sqlite_ext import AutoIncrementField

from tubehome.jobs.rows import WorkRow
from tubehome.library.models import Video

RECEIVING = "receiving"  # bytes travel; then waiting, running, and done or failed (refused: `last_error` says why)

WATCHED = " watched folder"  # `token` of a film that was moved out of the watched folder; no token's name begins so


class Upload(WorkRow):
    """One file on its way in, with what was said of it meanwhile."""

    id = AutoIncrementField()
    if TYPE_CHECKING:
        video_id: int | None

    uuid = TextField(unique=True)  # its address, and its file's name in `incoming/`
    name = TextField()  # the file's, as the person calls it
    length = IntegerField()  # bytes in all
    metadata = TextField(default="")  # tus' Upload-Metadata, given back as it came
    title = TextField(default="")
    description = TextField(default="")
    channel = TextField(default="")  # a channel's name; "" for the first one
    visibility = TextField(default="")  # "" for the channel's default
    language = TextField(default="")
    again = BooleanField(default=False)  # take it though the same bytes are here
    token = TextField(default="")  # the name of the token that sends it; "" for the studio
    video = ForeignKeyField(Video, null=True, on_delete="SET NULL")  # once it is one
    created_at = FloatField()
    expires_at = FloatField()  # without a new byte until then, it is given up

    class Meta:
        indexes = ((("state",), False),)
