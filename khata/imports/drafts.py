"""A line of a file as it would be written: its party and, where it has one, its entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.forms import EARLIEST_YEAR
from khata.core.ids import derived_id
from khata.core.money import MoneyError, parse_amount
from khata.core.names import clean_name, clean_note, sort_key
from khata.core.phone import parse_phone
from khata.errors import Invalid
from khata.imports.columns import OF_OPENING, is_header
from khata.imports.models import CDNOW, CSV
from khata.imports.readers import Card, Refused, Row, cards_of, dialect_of, fields_of, open_text, rows_of
from khata.ledger.models import GAVE, GOT
from khata.parties.forms import parse_gstin

CHUNK = 1000  # lines a transaction
SHOWN = 120  # characters of a refused line


class Terms(NamedTuple):
    """What the shop's lines are read by."""

    shop_id: UUID
    currency: str
    region: str
    today: date


def terms_of(shop: Any) -> Terms:
    """The terms of a shop (id, currency, country, time_zone) today."""
    return Terms(shop.id, shop.currency, shop.country, clock.today(shop.time_zone))


class Named(NamedTuple):
    """Whom a line is about. `party_id` is what the file itself knows them by."""

    name: str
    phone: str | None = None
    party_id: UUID | None = None
    is_own_id: bool = False  # the id alone says who it is: names are not compared
    kind: str = "customer"
    address: str = ""
    gstin: str = ""

    @property
    def sort_name(self) -> str:
        """The name as it is compared."""
        return _sort_name(self.name)


class Draft(NamedTuple):
    """One line, ready to be matched. Without a direction it is about a party only."""

    line: int
    party: Named
    direction: str | None = None
    amount_minor: int = 0
    on: date | None = None  # None: the day it is written
    note: str = ""
    is_opening: bool = False
    entry_id: UUID | None = None  # as the file names it

    @property
    def content(self) -> str:
        """What the entry says, in one spelling: the same in two files is the same purchase, unless it stands twice."""
        party = self.party.party_id.hex if self.party.is_own_id and self.party.party_id else ""
        who = party or f"{self.party.phone or ''}\x1f{self.party.sort_name}"
        on = self.on.isoformat() if self.on else ""
        return f"{self.is_opening:d}\x1f{who}\x1f{self.direction}\x1f{self.amount_minor}\x1f{on}\x1f{self.note}"


@lru_cache(maxsize=8192)
def _sort_name(name: str) -> str:
    return sort_key(name)[:120]


def chunks(path: Path, form: str, encoding: str, mapping: Mapping[str, int], terms: Terms) -> Iterator[list[Any]]:
    """The file's lines, CHUNK at a time, each a Draft or a Refused; raises Unreadable."""
    with open_text(path, encoding) as file:
        if form == CSV:
            drafts = _csv_drafts(path, encoding, mapping, terms, file)
        elif form == CDNOW:
            drafts = (_each(row, lambda row: read_purchase(row, terms)) for row in fields_of(file))
        else:
            drafts = (_each(card, lambda card: read_card(card, terms)) for card in cards_of(file))
        while chunk := list(islice(drafts, CHUNK)):
            yield chunk


def _each(raw: Any, read: Any) -> Draft | Refused:
    """`raw` read; what can't be taken is refused alone."""
    if isinstance(raw, Refused):
        return raw
    try:
        draft: Draft = read(raw)
        return draft
    except Invalid as wrong:
        text = raw.text if isinstance(raw, Card) else " ".join(raw.cells)
        return Refused(raw.line, wrong.message, shown(text))


def shown(text: str) -> str:
    """The start of a refused line, in one line without signs that don't print."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[: SHOWN * 2]).split())[:SHOWN]


# --- Tables ---


def _csv_drafts(
    path: Path, encoding: str, mapping: Mapping[str, int], terms: Terms, file: Any
) -> Iterator[Draft | Refused]:
    dialect = dialect_of(path, encoding)
    rows = rows_of(file, dialect)
    if is_header(dialect.first, dialect.second):
        next(rows, None)
    for row in rows:
        yield _each(row, lambda row: read_row(row, mapping, terms))


def read_row(row: Row, mapping: Mapping[str, int], terms: Terms) -> Draft:
    """A row of a table by the columns that `mapping` names; raises Invalid."""
    cells, width = row.cells, len(row.cells)
    typed = {code: unescaped(cells[at].strip()) if at < width else "" for code, at in mapping.items()}
    direction, amount_minor, is_opening = _money(typed, terms.currency)
    note = clean_note(typed.get("note"), 500)
    on = parse_date(typed["date"], terms.today) if typed.get("date") else None
    if direction is None and on is not None and not typed.keys() & OF_OPENING:
        raise MoneyError("empty")
    entry_id = _id(typed.get("entry_id", ""))
    return Draft(row.line, _named(typed, terms), direction, amount_minor, on, note, is_opening, entry_id)


def _named(typed: Mapping[str, str], terms: Terms) -> Named:
    phone = _phone(typed["phone"], terms.region) if typed.get("phone") else None
    return Named(
        name=_name(typed.get("name") or typed.get("phone", "")),
        phone=phone,
        party_id=_id(typed.get("party_id", "")),
        kind=_kind(typed.get("kind", "")),
        address=clean_note(typed.get("address"), 200),
        gstin=parse_gstin(typed["gstin"]) if typed.get("gstin") else "",
    )


_ESCAPED = re.compile(r"'+[=+\-@\t\r\n]")


def unescaped(cell: str) -> str:
    """A cell without the apostrophe that exports put before what a spreadsheet would take for a formula."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def _money(typed: Mapping[str, str], currency: str) -> tuple[str | None, int, bool]:
    """(direction, amount in minor units, is an opening balance); no direction where the row has no amount."""
    if typed.get("amount"):
        return _direction(typed.get("direction", "")), _amount(typed["amount"], currency), False
    gave, got = typed.get("gave", ""), typed.get("got", "")
    if gave or got:
        return *_one_side(gave, got, currency), False
    get, give = typed.get("will_get", ""), typed.get("will_give", "")
    if typed.get("balance"):
        is_below, figure = _signed(typed["balance"])
        get, give = ("", figure) if is_below else (figure, "")
    get, give = ("" if _is_nothing(side) else side for side in (get, give))
    if not get and not give:
        return None, 0, False
    return *_one_side(get, give, currency), True


def _one_side(gave: str, got: str, currency: str) -> tuple[str, int]:
    """The side that holds the amount; the other one is empty or zero."""
    if gave and got and not _is_nothing(gave) and not _is_nothing(got):
        raise Invalid(_("This line has an amount on both sides. Write one of them."), "both_sides")
    if gave and (not got or not _is_nothing(gave)):
        return GAVE, _amount(gave, currency)
    return GOT, _amount(got, currency)


def _is_nothing(text: str) -> bool:
    return not text.strip("0.,- ")


def _signed(text: str) -> tuple[bool, str]:
    """(is below zero, the figure without its sign): "-50", "−50", "50-", "(50)"."""
    for pattern in (r"[-−–]\s*(.+)", r"\(([^()]+)\)", r"([\d.,\s]+)[-−]"):
        if found := re.fullmatch(pattern, text):
            return True, found[1]
    return False, text.removeprefix("+")


WORDS_FOR_GAVE = "gave|give|given|you gave|you give|debit|dr|d|out|sale|दिया|दिए|आपने दिया|आपने दिए|नामे|उधार|+"
WORDS_FOR_GOT = "got|get|received|you got|you get|credit|cr|c|in|payment|paid|मिला|मिले|आपको मिला|आपको मिले|जमा|लिया|-"
DIRECTION_WORDS = {
    **dict.fromkeys(WORDS_FOR_GAVE.split("|"), GAVE),
    **dict.fromkeys(WORDS_FOR_GOT.split("|"), GOT),
    "": GAVE,
}
WORDS_FOR_CUSTOMER = "customer|customers|client|buyer|debtor|c|ग्राहक|"
WORDS_FOR_SUPPLIER = "supplier|suppliers|vendor|seller|creditor|s|v|सप्लायर|आपूर्तिकर्ता|विक्रेता|व्यापारी"
KIND_WORDS = {
    **dict.fromkeys(WORDS_FOR_CUSTOMER.split("|"), "customer"),
    **dict.fromkeys(WORDS_FOR_SUPPLIER.split("|"), "supplier"),
}


def _direction(text: str) -> str:
    found = DIRECTION_WORDS.get(text.casefold().strip(" ."))
    if found is None:
        raise Invalid(_("Write “gave” or “got”."), "direction")
    return found


def _kind(text: str) -> str:
    found = KIND_WORDS.get(text.casefold().strip(" ."))
    if found is None:
        raise Invalid(_("Write “customer” or “supplier”."), "kind")
    return found


@lru_cache(maxsize=8192)
def _amount(text: str, currency: str) -> int:
    return parse_amount(text, currency)


@lru_cache(maxsize=8192)
def _name(text: str) -> str:
    return clean_name(text, 80)


@lru_cache(maxsize=8192)
def _phone(text: str, region: str) -> str:
    return parse_phone(text, region)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid(_("This id is not one of Khata's. Leave its column out."), "bad_id") from None


DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"),
    re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})"),
    re.compile(r"(?P<d>\d{1,2})([/.-])(?P<m>\d{1,2})\2(?P<y>\d{4})"),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})"),
)
_TIME = re.compile(r"[T ]+\d{1,2}:\d{2}(:\d{2})?(\.\d+)?Z?$")


@lru_cache(maxsize=8192)
def parse_date(text: str, today: date) -> date:
    """The day of YYYY-MM-DD, YYYYMMDD, DD/MM/YYYY or DD-MM-YYYY (a time after it is left out); raises Invalid."""
    text = _TIME.sub("", text.strip())
    found = next((found for pattern in DATES if (found := pattern.fullmatch(text))), None)
    try:
        day = date(int(found["y"]), int(found["m"]), int(found["d"])) if found else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid(_("There is no such date. Write it as 2026-12-31 or 31/12/2026."), "no_such_date")
    if day.year < EARLIEST_YEAR:
        raise Invalid(_("This date is too long ago."), "date_too_early")
    if day > today + timedelta(days=1):
        raise Invalid(_("This date is in the future."), "date_in_future")
    return day


# --- Purchases of the CDNOW sample: customer, customer in the sample, YYYYMMDD, items, dollars ---


def read_purchase(row: Row, terms: Terms) -> Draft:
    """A purchase as "you gave" to its customer; raises Invalid."""
    if len(row.cells) != 5 or not all(cell.isascii() and cell.isdigit() for cell in row.cells[:4]):
        raise Invalid(_("This line is not a purchase: customer, number, date, items, amount."), "not_a_purchase")
    customer, _in_sample, day, items, amount = row.cells
    amount_minor, on = _amount(amount, terms.currency), parse_date(day, terms.today)
    return Draft(row.line, _purchaser(customer, terms.shop_id), GAVE, amount_minor, on, _items(items))


@lru_cache(maxsize=8192)
def _purchaser(customer: str, shop_id: UUID) -> Named:
    party_id = derived_id(shop_id, f"cdnow:{customer}")
    return Named(_name(f"Customer {customer}"), party_id=party_id, is_own_id=True)


def _items(count: str) -> str:
    return "1 item" if count == "1" else f"{count[:9]} items"


# --- Contacts ---


def read_card(card: Card, terms: Terms) -> Draft:
    """A contact as a customer; raises Invalid."""
    import vobject

    try:
        contact = vobject.readOne(card.text, allowQP=True).contents
        phone, name = _phone_of(contact, terms.region), _name_of(contact)
    except Invalid:
        raise
    except Exception:  # the library raises whatever a broken card leads it to
        raise Invalid(_("This contact can't be read."), "broken_card") from None
    address = clean_note(_address_of(contact), 1000)[:200]
    note = clean_note(_first(contact, "note"), 10**6)[:500]
    return Draft(card.line, Named(_name(name or phone or ""), phone, address=address), note=note)


def _first(contact: Mapping[str, list[Any]], name: str) -> str:
    return next((str(each.value).strip() for each in contact.get(name, ()) if str(each.value).strip()), "")


def _name_of(contact: Mapping[str, list[Any]]) -> str:
    if full := _first(contact, "fn"):
        return full
    for name in contact.get("n", ()):
        parts = (name.value.prefix, name.value.given, name.value.additional, name.value.family, name.value.suffix)
        if joined := " ".join(part if isinstance(part, str) else " ".join(part) for part in parts).strip():
            return joined
    company = next((each.value for each in contact.get("org", ())), "")
    return company if isinstance(company, str) else " ".join(company)


def _address_of(contact: Mapping[str, list[Any]]) -> str:
    for address in contact.get("adr", ()):
        value = address.value
        parts = (value.box, value.extended, value.street, value.city, value.region, value.code, value.country)
        return ", ".join(part if isinstance(part, str) else " ".join(part) for part in parts if part)
    return ""


def _phone_of(contact: Mapping[str, list[Any]], region: str) -> str | None:
    """The first number that is one, a mobile one before others; raises Invalid where none of them is."""
    wrong: Invalid | None = None
    for number in sorted(contact.get("tel", ()), key=lambda each: not _is_mobile(each)):
        try:
            return _phone(str(number.value).removeprefix("tel:"), region)
        except Invalid as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong
    return None


def _is_mobile(number: Any) -> bool:
    marks = [*number.singletonparams, *number.params.get("TYPE", ())]
    return any("CELL" in mark.upper() or "PREF" in mark.upper() for mark in marks)
