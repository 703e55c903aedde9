"""Where videos are added. The files come in by `uploads`; by a plain form where there is no script."""

from __future__ import annotations

from flask import Response, redirect
from flask_wtf.csrf import CSRFError, validate_csrf
from wtforms.validators import ValidationError

from tubehome.base import urls
from tubehome.base.errors import Refused, TubehomeError
from tubehome.flows.announce import announce
from tubehome.jobs import Job
from tubehome.pages.add import add_page
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import Upload
from tubehome.web import languages, plain, rooms, uploads
from tubehome.web.connection import put_down
from tubehome.web.engine import engine
from tubehome.web.templating import page
from tubehome.web.writers import writers

blueprint = rooms.room("add")


@blueprint.get(urls.STUDIO_ADD)
def add() -> Response:
    return _page()


def _page(status: int = 200, error: str = "") -> Response:
    known = [uploads.shape(row) for row in desk.shown()]
    return rooms.show("studio_add.html", "add", status, page=add_page(engine().site), uploads=known, error=error)


@blueprint.post(urls.STUDIO_ADD)
def arrive() -> Response:
    """The plain form. Its token is looked at here, as its fields can only be read with the file behind them."""
    form = plain.Form()
    try:
        fields = form.fields()
        validate_csrf(fields.get("csrf_token", ""))
        _take(form, fields)
    except ValidationError as error:
        raise CSRFError(str(error)) from error
    except plain.BrokenOff as error:
        raise Refused("The form ended before its end: send the file again.", cause=str(error)) from error
    except TubehomeError as error:
        form.drain()
        return _page(error.status, error.sentence(languages.language()))
    return redirect(page(urls.STUDIO_ADD), 303)  # type: ignore[return-value]


def _take(form: plain.Form, fields: dict[str, str]) -> None:
    if not form.name:
        raise Refused("Choose a video file first.")
    site = engine().site
    said = {column: fields.get(name, "") for name, column in uploads.SAID.items()}
    done = uploads.place()
    try:
        row = announce(site, desk.Said(name=form.name, length=form.length, **said))
        try:
            size = _receive(form, row)
        except BaseException:
            desk.give_up(site, row)
            raise
    finally:
        done()
    if desk.whole(row, size):
        site.jobs.later(Job.ACCEPT, row.id)


def _receive(form: plain.Form, row: Upload) -> int:
    """The file's bytes, in their place. BrokenOff, and what `incoming.receive` raises."""
    site = engine().site
    with put_down(), writers().writing(site, row.uuid) as (fd, moved):
        size = incoming.receive(site, row.uuid, fd, 0, row.length, form.read, None, moved)
    if not size:
        raise Refused("{name} is empty: copy it again from where it was filmed.", name=row.name)
    return size
