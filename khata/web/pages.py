"""Answers: a page or a fragment of it, 303 after a write, one plain page for every error."""

from __future__ import annotations

import re
import secrets
from typing import Any

import structlog
from flask import Flask, Response, g, make_response, redirect, render_template, request
from flask_babel import gettext
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge

from khata.core.forms import Form
from khata.errors import KhataError, NotFound, TooLarge
from khata.web import transactions
from khata.web.logs import tell_refusal

log = structlog.get_logger()


def init_app(app: Flask) -> None:
    """One handler for what is expected, one for what is not."""
    app.register_error_handler(KhataError, _expected)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unexpected)


def wants_fragment() -> bool:
    """True where htmx asks for a piece of the page; not where it only speeds up a link or fills its history."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true" and "HX-Boosted" not in headers and headers.get("HX-Request-Type") != "full"
    )


def wants_json() -> bool:
    """True where a phone's outbox asks, and nobody looks at a page."""
    return request.accept_mimetypes.best == "application/json"


def page_or_fragment(page: str, fragment: str, **context: Any) -> Response:
    """The whole page, or only `fragment` where htmx asks for it."""
    response = make_response(render_template(fragment if wants_fragment() else page, **context))
    response.headers.add("Vary", "HX-Request")
    return response


def see_other(url: str) -> Response:
    """303: after a write the browser gets the page it should look at. Only to addresses of ours."""
    if not re.fullmatch(r"/(?![/\\])[^\x00-\x20\x7f]*", url):  # browsers drop what they can't print, and "/\t/" is "//"
        raise NotFound
    response = redirect(url, 303)
    return response  # type: ignore[return-value]


def hand_over(url: str, allowed: tuple[str, ...]) -> Response:
    """303 out of Khata, to one of the places that the page's own policy lets its forms lead to."""
    if not url.startswith(allowed):
        raise NotFound
    response = redirect(url, 303)
    return response  # type: ignore[return-value]


def written(fragment: str, url: str, **context: Any) -> Response:
    """The answer to a write: the pieces that change where htmx asked, 303 to `url` otherwise."""
    if not wants_fragment():
        return see_other(url)
    return make_response(render_template(fragment, **context))


def refused(template: str, form: Form, status: int = 422, **context: Any) -> Response:
    """422 with the form as it was typed and a sentence at each wrong field. Nothing of the request is kept."""
    transactions.roll_back()
    return _for_htmx(make_response(render_template(template, form=form, **context), status), template)


def error_page(status: int, message: Any, incident: str | None = None) -> Response:
    """The plain page that says what went wrong."""
    title = gettext("Not here") if status == 404 else gettext("That did not work")
    html = render_template("errors/error.html", status=status, title=title, message=message, incident=incident)
    return _for_htmx(make_response(html, status), "errors/error.html")


def _for_htmx(response: Response, template: str) -> Response:
    """A whole page that answers htmx takes the place of the whole page, not of the piece that asked."""
    if wants_fragment() and "/_" not in template:
        response.headers["HX-Retarget"] = "body"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _expected(error: KhataError) -> Response:
    transactions.roll_back()
    tell_refusal(error)
    if wants_json():
        return make_response({"code": error.code, "message": str(error.message)}, error.status)
    return error_page(error.status, error.message)


def _of_http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, InternalServerError):  # a fault after the view: Flask wraps what the commit raised
        return _unexpected(error.original_exception or error)
    transactions.roll_back()
    if error.code is None or error.code < 400:
        return error
    tell_refusal(error)
    if isinstance(error, RequestEntityTooLarge):
        return error_page(413, TooLarge.message)
    response = error_page(error.code, _sentence(error.code))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _sentence(status: int) -> Any:
    if status == 404:
        return NotFound.message
    if status == 405:
        return gettext("This page can't be used in this way.")
    return gettext("Something in this request is not right.")


def _unexpected(error: BaseException) -> Response:
    transactions.roll_back()
    incident = secrets.token_hex(6)
    log.error("fault", incident=incident, route=str(request.url_rule), exc_info=error)
    g.shop = g.person = None
    return error_page(500, gettext("Something broke on our side. Nothing was saved. Please try again."), incident)
