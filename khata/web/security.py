"""Headers of every answer, and the cookie of a visit before sign-in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from khata.web.assets import style_hashes

PERMISSIONS_POLICY = (
    "camera=(self), geolocation=(), microphone=(self), payment=(), usb=(), interest-cohort=(), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)"
)
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "style-src 'self' {css_hashes}; form-action 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def init_app(app: Flask) -> None:
    """Set the headers on every answer of the application."""
    with app.app_context():
        policy = POLICY.format(css_hashes=style_hashes())
    headers = [
        ("Content-Security-Policy", policy),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", PERMISSIONS_POLICY),
        ("Referrer-Policy", "same-origin"),  # "no-referrer" would make Origin "null" on our own forms
        ("X-Content-Type-Options", "nosniff"),
    ]
    app.wsgi_app = _Headers(app.wsgi_app, headers, app.config)  # type: ignore[method-assign]
    app.after_request(_set_own_headers)
    app.session_interface = VisitInterface()


class _Headers:
    """Adds the same headers to every answer, faults included, without looking at it."""

    def __init__(self, wsgi_app: Any, headers: list[tuple[str, str]], config: dict[str, Any]) -> None:
        self.wsgi_app = wsgi_app
        self.headers = headers
        self.config = config

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            # A proxy that is not trusted may stand before us: then the public address says what browsers use.
            is_https = environ["wsgi.url_scheme"] == "https" or self.config["KHATA"].is_https
            own = [HSTS] if is_https else []
            said = {name for name, _value in headers}
            common = [header for header in self.headers if header[0] not in said]
            return start_response(status, headers + common + own, exc_info)

        answer: Iterable[bytes] = self.wsgi_app(environ, start)
        return answer


def let_forms_lead_to(response: Response, places: tuple[str, ...]) -> Response:
    """Let the forms of this page end at `places`, too: origins, or schemes of the phone's own apps."""
    policy = POLICY.format(css_hashes=style_hashes())
    own = "form-action 'self'"
    response.headers["Content-Security-Policy"] = policy.replace(own, " ".join([own, *places]))
    return response


def _set_own_headers(response: Response) -> Response:
    locks = g.get("session") and g.session.idle_seconds
    if locks and request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"  # after a change of hands, Back must not find it
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache"
    return response


class VisitInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, for who is not signed in yet; nothing is done for it where there is none."""

    digest_method = staticmethod(hashlib.sha256)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Over https the cookie stays there."""
        return request.is_secure or super().get_cookie_secure(app)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The visit that the browser's cookie tells of, or an empty one."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)
