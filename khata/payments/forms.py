"""Parse and check what customers say, and which month they look at."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core.forms import EARLIEST_YEAR, Form, parse_promised_day
from khata.core.money import parse_amount
from khata.core.names import clean_note
from khata.payments import queries
from khata.payments.claims import Said
from khata.payments.models import CLAIM_KINDS, PAID, PROMISE, WRONG

NOTE_LENGTH, REFERENCE_LENGTH = 300, 40
LATEST_YEAR = 2200


def read_claim(form: Form, shop_id: UUID, party_id: UUID, currency: str, today: date) -> Said:
    """What is said; what is wrong stands in `form.errors`."""
    kind = form.choice("kind", CLAIM_KINDS, PAID)
    note = form.note("note", NOTE_LENGTH)
    if kind == WRONG:
        entry_id = _entry_of(form, shop_id, party_id)
        if not note and form.is_valid:
            form.errors["note"] = _("Say what is wrong.")
        return Said(kind, entry_id=entry_id, note=note)
    if kind == PROMISE:
        return Said(kind, note=note, promised_on=form.read("day", lambda text: parse_promised_day(text, today)))
    amount = form.read("amount", lambda text: parse_amount(text, currency))
    reference = form.read("reference", lambda text: clean_note(text, REFERENCE_LENGTH)) or ""
    return Said(PAID, amount, reference, None, note)


def read_payment(form: Form, owed_minor: int, currency: str) -> int:
    """How much is paid now, at most what is owed; what is wrong stands in `form.errors`."""
    amount_minor = form.read("pay", lambda text: parse_amount(text, currency)) or 0
    if amount_minor > owed_minor and form.is_valid:
        form.errors["pay"] = _("This is more than is open.")
    return amount_minor


def _entry_of(form: Form, shop_id: UUID, party_id: UUID) -> UUID | None:
    text = form.value("entry")
    seq = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
    entry_id = queries.entry_at(shop_id, party_id, seq)
    if entry_id is None:
        form.errors["entry"] = _("Choose the entry.")
    return entry_id


def read_month(text: str) -> date | None:
    """The first day of a month spelled "2026-11"; None where it spells none, or one that no entry can be of."""
    try:
        month = date.fromisoformat(f"{text}-01") if len(text) == 7 else None
    except ValueError:
        return None
    return month if month and EARLIEST_YEAR <= month.year < LATEST_YEAR else None
