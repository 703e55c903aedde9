"""Parts of a film that cannot be encoded: what their rows say, and the question that the owner answers."""

from __future__ import annotations

from tubehome.base.i18n import mark
from tubehome.jobs import rows
from tubehome.library.models import Step

DAMAGED = mark("At {time} the film is damaged: go on without that part?")


def damaged(*video_ids: int) -> list[Step]:
    """The ranges of these videos that failed for good."""
    failed = Step.select().where(Step.video << list(video_ids), Step.state == rows.FAILED)
    return [step for step in failed if step.error is not None and step.error.text == DAMAGED]
