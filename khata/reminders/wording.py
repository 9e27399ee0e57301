"""What a reminder says, in the language of who gets it."""

from __future__ import annotations

from datetime import date
from typing import Any

from babel.dates import format_date
from flask_babel import force_locale, gettext

from khata.core.money import format_amount
from khata.messages.texts import isolated

RIGHT_TO_LEFT = frozenset({"ar", "ur", "fa", "he"})
LINK_TO_COME = "…"  # in the text shown before the party has a link: looking alone makes none


def reminder(party: Any, shop: Any, lang: str, link: str, today: date, amount_minor: int) -> str:
    """The text to `party`, who owes `shop`: name, amount that is asked for, day where one was named, link."""
    is_rtl = lang in RIGHT_TO_LEFT
    values = {
        "name": isolated(party.name, is_rtl),
        "shop": isolated(shop.name, is_rtl),
        "amount": format_amount(amount_minor, shop.currency, lang),
        "link": link,
    }
    with force_locale(lang):
        return str(_sentence(party.due_on, today, lang, values))


def _sentence(due_on: date | None, today: date, lang: str, values: dict[str, str]) -> Any:
    if due_on is None:
        return gettext("Hello %(name)s, %(amount)s is open at %(shop)s. See it and pay: %(link)s", **values)
    values["due"] = format_date(due_on, "d MMM", locale=lang)
    if due_on < today:
        return gettext("Hello %(name)s, %(amount)s at %(shop)s was due on %(due)s. See it and pay: %(link)s", **values)
    return gettext("Hello %(name)s, %(amount)s at %(shop)s is due on %(due)s. See it and pay: %(link)s", **values)
