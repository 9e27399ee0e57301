"""The cookies: their names, and how one is set and read.

Where people come over https every name begins with "__Host-": then no other host, and nobody on the way over http, can
set one of ours.
"""

from __future__ import annotations

from flask import Response, current_app, request

from khata.settings import Settings

SESSION = "khata_session"
DEVICE = "khata_device"
LANG = "khata_lang"
SORT = "khata_sort"
VISIT = "khata_visit"  # before sign-in: the number a code went to, and how the person came
HOST_ONLY = "__Host-"
LONG_SECONDS = 400 * 24 * 3600  # as long as browsers keep a cookie


def name_of(cookie: str, settings: Settings) -> str:
    """What `cookie` is called in an installation with `settings`."""
    return HOST_ONLY + cookie if settings.is_https else cookie


def read(cookie: str) -> str | None:
    """What the browser sent as `cookie`; None where it sent none."""
    return request.cookies.get(name_of(cookie, current_app.config["KHATA"]))


def keep(response: Response, cookie: str, value: str) -> None:
    """Let the browser keep `value`, out of any script's reach."""
    name, secure = name_of(cookie, current_app.config["KHATA"]), _is_secure()
    response.set_cookie(name, value, max_age=LONG_SECONDS, httponly=True, samesite="Lax", secure=secure)


def forget(response: Response, cookie: str) -> None:
    """Take a cookie back."""
    name = name_of(cookie, current_app.config["KHATA"])
    response.delete_cookie(name, httponly=True, samesite="Lax", secure=_is_secure())


def _is_secure() -> bool:
    return request.is_secure or bool(current_app.config["KHATA"].is_https)
