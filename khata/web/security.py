"""Headers of every answer."""

from __future__ import annotations

from flask import Flask, Response, request

from khata.settings import Settings
from khata.web.assets import inline_css_hash

PERMISSIONS_POLICY = "camera=(self), geolocation=(), microphone=(self), payment=(), usb=(), interest-cohort=()"


def init_app(app: Flask, settings: Settings) -> None:
    """Set the headers on every answer; HSTS where people come over https."""
    with app.app_context():
        css_hash = inline_css_hash()
    policy = (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
        f"style-src 'self' '{css_hash}'; form-action 'self'; manifest-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": PERMISSIONS_POLICY,
        "Referrer-Policy": "same-origin",  # "no-referrer" would make Origin "null" on our own forms
        "X-Content-Type-Options": "nosniff",
    }

    @app.after_request
    def set_headers(response: Response) -> Response:
        response.headers.extend(headers)
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "private, no-cache"
        return response
