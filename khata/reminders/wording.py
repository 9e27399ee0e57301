"""What is said to parties, in the language of who gets it: the shop's own text where it has one, else Khata's."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from babel.dates import format_date
from flask_babel import force_locale, gettext

from khata.core import clock
from khata.core.money import format_amount
from khata.ledger.models import GAVE
from khata.messages.texts import fill, isolated
from khata.reminders import instalments, queries
from khata.reminders.queries import RECEIPT, REMINDER

RIGHT_TO_LEFT = frozenset({"ar", "ur", "fa", "he"})
LINK_TO_COME = "…"  # in the text shown before the party has a link: looking alone makes none


class Words(NamedTuple):
    """A text, and what it was filled with."""

    text: str
    values: dict[str, str]


def words(kind: str, party: Any, shop: Any, lang: str, link: str, entry: Any = None) -> Words:
    """The text of `kind` to `party`; of a RECEIPT, about `entry`."""
    values = values_for(party, shop, lang, link)
    if kind == REMINDER:
        values["amount"] = format_amount(_asked_minor(party, shop), shop.currency, lang)
    own = queries.own_text(shop.id, kind, lang)
    text = fill(own, values) if own else None
    with force_locale(lang):
        if text is None and kind == RECEIPT and entry is not None:
            written = format_amount(entry.amount_minor, shop.currency, lang)
            text = _receipt(entry.direction, {**values, "written": written})
        if text is None:
            text = str(_reminder(party.due_on, clock.today(shop.time_zone), values))
    return Words(text, values)


def _asked_minor(party: Any, shop: Any) -> int:
    return instalments.asked_minor(shop.id, party, clock.today(shop.time_zone))


def reminder(party: Any, shop: Any, lang: str, link: str) -> str:
    """The reminder to `party`, who owes `shop`."""
    return words(REMINDER, party, shop, lang, link).text


class Somebody(NamedTuple):
    """A customer who is not there, for showing a text."""

    name: str
    balance_minor: int
    due_on: date | None


def sample(kind: str, shop: Any, lang: str, own: str) -> str:
    """How a text of `kind` looks, filled: `own`, or Khata's where it is empty or has a hole."""
    with force_locale(lang):
        party = Somebody(str(gettext("Ramesh")), 50_000, None)
        values = values_for(party, shop, lang, LINK_TO_COME)
        text = fill(own, values) if own else None
        if text is None and kind == RECEIPT:
            text = _receipt(GAVE, {**values, "written": values["amount"]})
        return text if text is not None else str(_reminder(None, clock.today(shop.time_zone), values))


def values_for(party: Any, shop: Any, lang: str, link: str) -> dict[str, str]:
    """What the places of a text are filled with; empty where there is nothing to say."""
    is_rtl = lang in RIGHT_TO_LEFT
    return {
        "name": isolated(party.name, is_rtl),
        "amount": format_amount(abs(party.balance_minor), shop.currency, lang),
        "shop": isolated(shop.name, is_rtl),
        "due": format_date(party.due_on, "d MMM", locale=lang) if party.due_on else "",
        "link": link,
    }


def _reminder(due_on: date | None, today: date, values: dict[str, str]) -> Any:
    if due_on is None:
        return gettext("Hello %(name)s, %(amount)s is open at %(shop)s. See it and pay: %(link)s", **values)
    if due_on < today:
        return gettext("Hello %(name)s, %(amount)s at %(shop)s was due on %(due)s. See it and pay: %(link)s", **values)
    return gettext("Hello %(name)s, %(amount)s at %(shop)s is due on %(due)s. See it and pay: %(link)s", **values)


def _receipt(direction: str, values: dict[str, str]) -> str:
    if direction == GAVE:
        return str(gettext("Hello %(name)s, %(shop)s wrote: you took %(written)s. Your account: %(link)s", **values))
    return str(gettext("Hello %(name)s, %(shop)s wrote: you paid %(written)s. Your account: %(link)s", **values))
