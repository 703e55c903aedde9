"""The owner's access: password, sessions, tokens, codes to print."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, Response, redirect, request

from tubehome.base import i18n, urls
from tubehome.base.errors import Refused, TooMany
from tubehome.base.i18n import mark
from tubehome.owner import login, recovery, tokens
from tubehome.owner import sessions as rows
from tubehome.pages.account import account
from tubehome.web import languages, rooms, sessions
from tubehome.web.templating import page

blueprint: Blueprint = rooms.room("account")
HERE = urls.STUDIO_ACCOUNT
_DIFFERENT = mark("The two passwords are not the same.")
_DONE = {
    "password": mark("The password is changed; every other session has ended."),
    "session": mark("The session has ended."),
    "others": mark("Every other session has ended."),
    "token": mark("The token is revoked."),
}
_NO_DAY = mark("This is not a day.")


def _show(status: int = 200, **more: object) -> Response:
    said: dict[str, object] = {
        "errors": {},
        "token": None,
        "codes": None,
        "typed": {},
        "done": _DONE.get(request.args.get("did", "")),
    }
    return rooms.show("studio_account.html", "account", status, page=account(sessions.key()), **{**said, **more})


def _back(did: str) -> Response:
    return redirect(f"{page(HERE)}?did={did}", 303)  # type: ignore[return-value]


def _sentence(error: Refused) -> str:
    return error.sentence(languages.language())


@blueprint.get(HERE)
def show() -> Response:
    return _show()


@blueprint.post(f"{HERE}/password")
def password() -> Response:
    new, again = request.form.get("password", ""), request.form.get("password_again", "")
    errors: dict[str, str] = {}
    status = 400
    try:
        login.check_new_password(new)
    except Refused as error:
        errors["password"] = _sentence(error)
    if new != again:
        errors["password_again"] = i18n.translate(languages.language(), _DIFFERENT)
    if not errors:
        try:
            login.change_password(request.form.get("present", ""), new, sessions.key(), sessions.device())
        except Refused as error:
            errors["present"], status = _sentence(error), error.status
            answer = _show(status, errors=errors)
            if isinstance(error, TooMany):
                answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        return _back("password")
    return _show(status, errors=errors)


@blueprint.post(f"{HERE}/sessions/<int:number>/end")
def end_one(number: int) -> Response:
    rows.end_one(number)
    return _back("session") if sessions.is_owner() else redirect(page(urls.LOGIN), 303)  # type: ignore[return-value]


@blueprint.post(f"{HERE}/sessions/end-others")
def end_others() -> Response:
    rows.end_all(but=sessions.key())
    return _back("others")


@blueprint.post(f"{HERE}/sessions/end-all")
def end_all() -> Response:
    """Log out everywhere: here too."""
    rows.end_all()
    sessions.end()
    return redirect(page(urls.LOGIN), 303)  # type: ignore[return-value]


@blueprint.post(f"{HERE}/tokens")
def token() -> Response:
    """The new token, for its only showing: so the page is the answer, and not a redirection."""
    typed = {name: request.form.get(name, "") for name in ("name", "expires")}
    try:
        made = tokens.create(typed["name"], _until(typed["expires"]))
    except Refused as error:
        return _show(400, errors={"expires" if error.text == _NO_DAY else "name": _sentence(error)}, typed=typed)
    return _show(token=made)


def _until(said: str) -> float | None:
    """The end of a day, as a date field sends it; "" is never."""
    if not said:
        return None
    try:
        day = datetime.strptime(said, "%Y-%m-%d").astimezone()
    except ValueError as error:
        raise Refused(_NO_DAY) from error
    return (day + timedelta(days=1)).timestamp()


@blueprint.post(f"{HERE}/tokens/revoke")
def revoke() -> Response:
    tokens.revoke(request.form.get("name", ""))
    return _back("token")


@blueprint.post(f"{HERE}/codes")
def codes() -> Response:
    """A fresh sheet, for its only showing."""
    return _show(codes=recovery.new_codes())
