"""Khata: the shop's ledger on the phone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from khata.core.db import engine_options
from khata.core.photos import PhotoStore, SharedPhotos
from khata.extensions import db, htmx, migrate
from khata.settings import ROOT, Settings, load_settings
from khata.web import (
    assets,
    auth,
    compression,
    cookies,
    dictionary,
    filters,
    health,
    kept,
    locale,
    logs,
    pages,
    pwa,
    security,
    styleguide,
    transactions,
    turns,
)


class Khata(Flask):
    """Flask without the wrapping that lets a view be asynchronous: none of ours is."""

    def ensure_sync(self, func: Any) -> Any:
        """`func` as it is; Flask would inspect it eleven times a request."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """The application: settings, extensions, web, rooms."""
    settings = settings or load_settings()
    app = Khata("khata", root_path=str(ROOT), template_folder="templates", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        SESSION_COOKIE_NAME=cookies.name_of(cookies.VISIT, settings),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=180),
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        MAX_FORM_PARTS=500,
        TRUSTED_HOSTS=trusted_hosts(settings),
        KHATA=settings,
    )
    logs.init_app(app)
    _bind_extensions(app, settings)
    _bind_web(app)
    _bind_rooms(app)
    auth.require_named_access(app)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    turns.init_app(app)
    return app


def trusted_hosts(settings: Settings) -> list[str] | None:
    """The names this installation answers to: any, unless it knows its public one; this machine asks by its own."""
    host = urlsplit(settings.public_url).hostname
    return [host, "localhost", "127.0.0.1", "[::1]"] if host else None


def _bind_extensions(app: Flask, settings: Settings) -> None:
    import tasks
    from khata.messages import channels
    from khata.payments import gateways

    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "khata" / "migrations"), render_as_batch=True)
    htmx.init_app(app)
    photos = app.extensions["khata_photos"] = PhotoStore(settings.data_dir / "photos")
    app.extensions["khata_shared_photos"] = SharedPhotos(settings.data_dir / "shared", photos)
    urls = settings.channel_urls.items()
    app.extensions["khata_channels"] = {name: channels.build(name, url, settings.data_dir) for name, url in urls}
    app.extensions["khata_gateways"] = gateways.from_urls(
        settings.gateway_urls,
        public_url=settings.public_url or settings.own_url,
        allow_test=settings.allow_test_gateway,
    )
    tasks.bind(app)


def _bind_web(app: Flask) -> None:
    # after_request functions run in the reverse order: the commit first, then cookies and headers, compression last
    compression.init_app(app)
    kept.init_app(app)
    assets.init_app(app)
    dictionary.init_app(app)
    security.init_app(app)
    auth.init_app(app)
    locale.init_app(app)
    transactions.init_app(app)
    filters.init_app(app)
    pages.init_app(app)
    health.init_app(app)
    pwa.init_app(app)
    styleguide.init_app(app)


def _bind_rooms(app: Flask) -> None:
    from khata import cli
    from khata.accounts.views import blueprint as accounts
    from khata.daybook.views import blueprint as daybook
    from khata.imports.views import blueprint as imports
    from khata.ledger.due import let_keep
    from khata.ledger.views import blueprint as ledger
    from khata.parties.views import blueprint as parties
    from khata.payments.views import blueprint as payments
    from khata.privacy.views import blueprint as privacy
    from khata.reminders.instalments import keep_due
    from khata.reminders.views import blueprint as reminders
    from khata.sync.views import blueprint as sync

    let_keep(keep_due)
    for room in (accounts, parties, ledger, payments, reminders, imports, daybook, privacy, sync):
        app.register_blueprint(room)
    cli.init_app(app)
