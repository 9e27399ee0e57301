"""Parse and check what the forms of entries and of the cash book carry."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from khata.core.clock import EPOCH, milliseconds
from khata.core.forms import Form, parse_past_day
from khata.core.money import parse_amount
from khata.errors import Invalid, NotFound
from khata.ledger.actions import Content
from khata.ledger.cash import CATEGORIES, CashContent
from khata.ledger.models import CASH_IN, CASH_OUT, DIRECTIONS
from khata.ledger.queries import SORTS, EntryCursor, PartyCursor

NOTE_LENGTH = 500
NAMED = "="  # before a name where most places are dates


def read_entry(form: Form, currency: str, today: date) -> Content:
    """An entry as typed; what is wrong stands in `form.errors`."""
    amount = form.read("amount", lambda text: parse_amount(text, currency))
    return Content(
        direction=form.choice("direction", DIRECTIONS),
        amount_minor=amount or 0,
        on=form.read("on", lambda text: parse_past_day(text, today)) or today,
        note=form.note("note", NOTE_LENGTH),
        in_cash=form.flag("in_cash"),
    )


def read_version(form: Form) -> int:
    """The version of an entry that a form was opened with; 0, which none has, where it does not say."""
    text = form.value("version")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class Settlement(NamedTuple):
    """What is to be settled: the entry to be written, and the balance that the person saw."""

    entry_id: UUID
    expected_minor: int
    in_cash: bool


def read_settlement(form: Form) -> Settlement:
    """A settlement as asked for; what is wrong stands in `form.errors`."""
    return Settlement(form.id(), form.read("expected_minor", _whole_number) or 0, form.flag("in_cash"))


def _whole_number(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 18):
        raise Invalid
    return int(text)


def read_cash(form: Form, currency: str, today: date) -> CashContent:
    """A line of the cash book as typed; what is wrong stands in `form.errors`."""
    amount = form.read("amount", lambda text: parse_amount(text, currency))
    return CashContent(
        direction=form.choice("direction", (CASH_IN, CASH_OUT)),
        amount_minor=amount or 0,
        on=form.read("on", lambda text: parse_past_day(text, today)) or today,
        category=form.choice("category", dict(CATEGORIES), "other"),
        note=form.note("note", NOTE_LENGTH),
    )


def entry_cursor(text: str) -> EntryCursor:
    """The place that a link to older entries names ("2026-11-05.17"); raises NotFound."""
    try:
        on, seq = text.split(".")
        return EntryCursor(date.fromisoformat(on), _bounded(seq))
    except ValueError:
        raise NotFound from None


def spell_entry_cursor(cursor: EntryCursor) -> str:
    """The opposite of `entry_cursor`."""
    return f"{cursor.on.isoformat()}.{cursor.seq}"


def _bounded(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**62:
        raise ValueError
    return number


def party_cursor(sort: str, text: str) -> PartyCursor:
    """The place that a link to more parties names; raises NotFound."""
    try:
        value, party_id = text.rsplit("~", 1)
        column, _descending = SORTS[sort]
        if column.name == "last_activity_at":
            return PartyCursor(EPOCH + timedelta(milliseconds=_bounded(value)), UUID(party_id))
        if column.name == "balance_minor":
            return PartyCursor(-_bounded(value[1:]) if value.startswith("-") else _bounded(value), UUID(party_id))
        if column.name == "debt_since" and not value.startswith(NAMED):
            return PartyCursor(date.fromisoformat(value), UUID(party_id))
        name = value.removeprefix(NAMED) if sort == "oldest" else value
        return PartyCursor(name.replace("\x00", "")[:120], UUID(party_id))  # PostgreSQL takes no NUL in a text
    except (ValueError, OverflowError):
        raise NotFound from None


def spell_party_cursor(sort: str, cursor: PartyCursor) -> str:
    """The opposite of `party_cursor`."""
    value = milliseconds(cursor.value) if isinstance(cursor.value, datetime) else cursor.value
    named = NAMED if sort == "oldest" and isinstance(value, str) else ""
    return f"{named}{value}~{cursor.id.hex}"


def with_query(path: str, **fields: str | None) -> str:
    """`path` with those query fields that are not None."""
    kept = {name: value for name, value in fields.items() if value is not None}
    return f"{path}?{urlencode(kept)}" if kept else path
