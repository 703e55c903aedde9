"""The kinds of steps of a video's preparation; flows.steps says what each one does."""

from __future__ import annotations

PLAN = "plan"
AHEAD = "ahead"  # the sound of the first ranges of a long film, before all of it
SOUND = "sound"  # once, for all sizes
TOP = "top"  # the source's own picture, copied: a whole size
IMAGES = "images"
RANGE = "range"  # about a minute, at every size that is encoded: nearly all of the work
APPEND = "append"  # a range joins what can be watched
FINISH = "finish"  # a size is whole
PROGRESSIVE = "progressive"  # the file to download
INSIDE = "inside"  # chapters and subtitles of the file
STORYBOARD = "storyboard"  # the small pictures along the bar
RELEASE = "release"  # the original goes

ALONGSIDE = (RANGE, SOUND)  # may be done beside other steps of their video, as they show nothing
FRUGAL = (FINISH, RELEASE)  # take no room, or give some: a full disk must not keep them waiting
