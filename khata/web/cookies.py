"""The cookies: their names, and how one is set."""

from __future__ import annotations

from flask import Response, current_app, request

SESSION = "khata_session"
DEVICE = "khata_device"
LANG = "khata_lang"
SORT = "khata_sort"
VISIT = "khata_visit"  # before sign-in: the number a code went to, and how the person came
LONG_SECONDS = 400 * 24 * 3600  # as long as browsers keep a cookie


def keep(response: Response, name: str, value: str) -> None:
    """Let the browser keep `value`, out of any script's reach."""
    response.set_cookie(name, value, max_age=LONG_SECONDS, httponly=True, samesite="Lax", secure=_is_secure())


def forget(response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, httponly=True, samesite="Lax", secure=_is_secure())


def _is_secure() -> bool:
    return request.is_secure or bool(current_app.config["SESSION_COOKIE_SECURE"])
