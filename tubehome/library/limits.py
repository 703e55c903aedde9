"""Numbers that several rooms mind."""

from __future__ import annotations

DESCRIPTION_MAX = 10_000  # characters; PeerTube's limit
TAGS_MAX = 300
TAG_MAX = 60  # characters
KEPT_SECONDS = 30 * 24 * 3600  # that the bin keeps a video
