"""What templates say amounts, days and times with."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel.dates import format_date, format_datetime
from flask import Flask, g, request
from flask_babel import gettext, ngettext
from markupsafe import Markup

from khata.core import clock
from khata.core.ids import new_id
from khata.core.money import format_amount
from khata.web.auth import may
from khata.web.locale import LANGUAGES, direction, lang, shop_time_zone, shop_today, translations


def init_app(app: Flask) -> None:
    """Filters, and the names every template knows."""
    app.jinja_env.filters.update(money=money, day=day, local_day=local_day, shop_date=shop_date, moment=moment, age=age)
    app.jinja_env.filters.update(month_name=month_name)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: translations().gettext(text),
        lambda one, many, number: translations().ngettext(one, many, number),
        newstyle=True,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(languages=LANGUAGES, new_id=lambda: str(new_id()))

    @app.context_processor
    def names() -> dict[str, Any]:
        shop = g.get("shop")
        return {
            "lang": lang(),
            "dir": direction(),
            "current_shop": shop,
            "current_person": g.get("person"),
            "today": shop_today(),
            "may": may,
            "locks": g.session.idle_seconds if g.get("session") else None,
            "is_htmx": bool(request.headers.get("HX-Request")),
        }


def money(amount_minor: int) -> Markup:
    """An amount of the shop's currency, kept in one piece in either direction of writing."""
    return _money(amount_minor, g.shop.currency, lang())


@lru_cache(maxsize=4096)
def _money(amount_minor: int, currency: str, locale: str) -> Markup:
    return Markup("<bdi>%s</bdi>") % format_amount(amount_minor, currency, locale)


def day(value: date) -> str:
    """A short date; with its year where that is not this one."""
    return _day(value, value.year == shop_today().year, lang())


@lru_cache(maxsize=4096)
def _day(value: date, is_this_year: bool, locale: str) -> str:
    return str(format_date(value, "d MMM" if is_this_year else "d MMM y", locale=locale))


def month_name(value: date) -> str:
    """The month and its year."""
    return str(format_date(value, "LLLL y", locale=lang()))


def local_day(value: datetime) -> str:
    """The day it was in the shop, at a time."""
    return day(clock.local(value, shop_time_zone()).date())


def shop_date(value: datetime) -> str:
    """The day it was in the shop at a time, as addresses spell it."""
    return clock.local(value, shop_time_zone()).date().isoformat()


def moment(value: datetime) -> str:
    """A time on the shop's clock; in UTC where there is no shop yet."""
    local = clock.local(value, shop_time_zone())
    pattern = "d MMM, HH:mm" if local.year == shop_today().year else "d MMM y, HH:mm"
    return format_datetime(local.replace(tzinfo=None), pattern, locale=lang())


def age(value: date) -> str:
    """How many days ago: "today", "1 day", "12 days"."""
    days = (shop_today() - value).days
    return str(gettext("today") if days <= 0 else ngettext("%(num)d day", "%(num)d days", days))
