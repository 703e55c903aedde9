"""Pictures of channels, by name: other bytes have another name, so browsers keep them for ever."""

from __future__ import annotations

import os
import re

from flask import Blueprint, Response

from tubehome.base.errors import NotFound
from tubehome.web.engine import engine

blueprint = Blueprint("pictures", __name__)
_NAME = re.compile(r"[0-9]{1,9}-(avatar|banner)-[0-9a-f]{8}-[0-9]{2,4}\.(webp|jpg)")
_FOR_EVER = "public, max-age=31536000, immutable"


@blueprint.get("/pictures/<name>")
def picture(name: str) -> Response:
    found = _NAME.fullmatch(name)
    try:
        if not found:
            raise FileNotFoundError(name)
        fd = os.open(engine().site.files.pictures / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise NotFound("There is nothing at this address.") from error
    with os.fdopen(fd, "rb") as file:
        data = file.read()
    headers = {"Cache-Control": _FOR_EVER, "Cross-Origin-Resource-Policy": "cross-origin",
               "Access-Control-Allow-Origin": "*"}  # fmt: skip
    return Response(data, mimetype=f"image/{'jpeg' if found[2] == 'jpg' else 'webp'}", headers=headers)
