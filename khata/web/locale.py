"""Which language, for whom: what the person chose, then what their browser asks for."""

from __future__ import annotations

from datetime import date
from gettext import NullTranslations
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, has_request_context, request, session
from flask_babel import get_translations
from werkzeug.datastructures import LanguageAccept

from khata.accounts.actions import choose_language
from khata.core import clock
from khata.core.db import transaction
from khata.extensions import babel
from khata.web import cookies, transactions

LANGUAGES = (("en", "English"), ("hi", "हिन्दी"))  # offered: those whose catalogue is complete
CODES = frozenset(code for code, _name in LANGUAGES)
RIGHT_TO_LEFT = frozenset({"ar", "ur", "fa", "he"})
CAMPAIGN_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "lang", "ref")


def init_app(app: Flask) -> None:
    """Bind Babel, and keep a language or a campaign that a link carries."""
    babel.init_app(app, locale_selector=choose, default_translation_directories="translations")
    app.before_request(_keep_choice)
    app.after_request(_keep_cookie)
    app.after_request(_keep_arrival)


def choose() -> str:
    """The language of this request; English where there is none (commands, tasks)."""
    if not has_request_context():
        return "en"
    of_person = g.person.lang if g.get("person") else None
    of_browser = cookies.read(cookies.LANG)
    if g.get("session") and g.session.idle_seconds:
        of_browser = None  # on a phone that changes hands each keeps their own
    for chosen in (request.args.get("lang"), of_browser, of_person):
        if chosen in CODES:
            return str(chosen)
    return asked_by_browser(request.accept_languages)


def asked_by_browser(accepted: LanguageAccept) -> str:
    """The offered language that Accept-Language likes best, by its primary tag; English where none is offered."""
    for tag, quality in list(accepted)[:20]:
        if quality > 0 and tag.replace("_", "-").split("-")[0].lower() in CODES:
            return tag.replace("_", "-").split("-")[0].lower()
    return "en"


def lang() -> str:
    """The language code of this request."""
    if "lang" not in g:
        g.lang = choose()
    return str(g.lang)


def translations() -> NullTranslations:
    """The catalogue of this request. Templates ask for it eighty times a page: it is looked up once."""
    if "translations" not in g:
        g.translations = get_translations()
    return g.translations  # type: ignore[no-any-return]


def direction() -> str:
    """The way this request's language is written: ltr or rtl."""
    return "rtl" if lang() in RIGHT_TO_LEFT else "ltr"


def likely_region(accepted: LanguageAccept) -> str:
    """The country whose numbers are meant where no country code is typed: the browser's region, India where unknown."""
    for tag, _quality in list(accepted)[:20]:
        parts = tag.replace("_", "-").split("-")
        if len(parts) > 1 and len(parts[-1]) == 2 and parts[-1].isalpha():
            region = parts[-1].upper()
            return "IN" if region in ("US", "GB") and parts[0].lower() == "en" else region
    return "IN"


def shop_time_zone() -> str:
    """The time zone that days and times are told in."""
    shop = g.get("shop")
    return shop.time_zone if shop else "UTC"


def shop_today() -> date:
    """The date in the shop, the same all through the request; in UTC where there is no shop yet."""
    if "today" not in g:
        g.today = clock.today(shop_time_zone())
    return g.today  # type: ignore[no-any-return]


def arrival() -> dict[str, Any]:
    """How this browser first came: campaign fields, referral code, referring site."""
    return dict(session.get("arrival", {}))


def _keep_choice() -> None:
    if request.method != "GET" or request.endpoint in (None, "static"):
        return
    chosen = request.args.get("lang")
    if chosen in CODES and g.get("person") and g.person.lang != chosen:
        with transaction():
            choose_language(g.person.id, str(chosen))


def _keep_arrival(response: Response) -> Response:
    """After the view: most links lead to a page that sends a stranger on to sign in."""
    is_visit = request.method == "GET" and request.endpoint is not None and g.get("person") is None
    if "is_customer" in g:
        return response  # who looks at a shop's bill came for that alone
    if is_visit and "arrival" not in session and response.mimetype == "text/html":
        session.permanent = True
        session["arrival"] = _arrival_of_request()
    return response


def _arrival_of_request() -> dict[str, Any]:
    fields = {name: request.args[name][:100] for name in CAMPAIGN_FIELDS if request.args.get(name)}
    site = _site_of(request.referrer or "")
    if site and site != request.host:
        fields["site"] = site[:100]
    return {**fields, "at": clock.now().date().isoformat()}


def _site_of(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _keep_cookie(response: Response) -> Response:
    chosen = request.args.get("lang")
    if chosen in CODES and cookies.read(cookies.LANG) != chosen and request.method in transactions.SAFE_METHODS:
        keep_language(response, str(chosen))
    return response


def keep_language(response: Response, code: str) -> None:
    """Let this browser speak `code` from now on."""
    cookies.keep(response, cookies.LANG, code)
