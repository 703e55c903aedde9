"""What the handlers of public pages share: the number of a page, and showing a page to a stranger or to the owner."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, g, request

from tubehome.base.errors import NotFound
from tubehome.pages.parts import ChannelLink
from tubehome.web import answers, sessions
from tubehome.web.cache import Body
from tubehome.web.templating import render

_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class Shown:
    """A page's value for its template. `channel`: whose feeds belong to it; `keep`: see `cache.Body`."""

    page: object
    channel: ChannelLink | None = None
    keep: bool = True
    headers: tuple[tuple[str, str], ...] = ()


def page_number() -> int:
    """`?page=N`, from 1; NotFound for anything that is not a number of a page."""
    typed = request.args.get("page", "1")
    if not _NUMBER.fullmatch(typed):
        raise NotFound("There is no page {n} here.", n=typed[:20])
    g.page = int(typed)
    return int(typed)


def nothing_on(number: int) -> NotFound:
    return NotFound("There is no page {n} here.", n=number)


def show(template: str, make: Callable[[], Shown]) -> Response:
    """The page that `make` finds: to strangers through the cache, to the owner fresh and never stored."""
    if not sessions.is_owner():
        return answers.answer(lambda: _body(template, make()))
    body = _body(template, make())
    response = Response(body.content, mimetype=body.mimetype, headers={"Cache-Control": "no-store", "Vary": "Cookie"})
    response.headers.extend(body.headers)
    return response


def _body(template: str, shown: Shown) -> Body:
    g.channel = shown.channel
    html = render(template, page=shown.page)
    return Body(html.encode(), keep=shown.keep, headers=shown.headers)


def fresh(template: str, status: int = 200, **values: object) -> Response:
    """A page of the owner's rooms: never kept anywhere."""
    return Response(render(template, **values), status=status, headers={"Cache-Control": "no-store", "Vary": "Cookie"})
