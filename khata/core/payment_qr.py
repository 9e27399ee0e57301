"""What stands in a payment's QR code: UPI, EMVCo with UPI (Bharat QR), Pix, SEPA (EPC069-12), or a plain link.

Names and notes are people's words: they are made plain and cut to what the field holds, and can change no other field.
Addresses, keys and account numbers say where the money goes: what is not quite right is refused.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from typing import Any
from urllib.parse import quote, urlsplit

from flask_babel import lazy_gettext as _

from khata.core.money import MAX_AMOUNT_MINOR
from khata.errors import Invalid

MESSAGES: dict[str, Any] = {
    "no_name": _("Write the name that the payment goes to."),
    "no_city": _("Write the city of the shop."),
    "upi_address": _("This is not a UPI address. Write it as in name@bank, without spaces."),
    "pix_key": _("This is not a Pix key. Write a CPF, CNPJ, e-mail, +55 number or random key."),
    "iban": _("This is not a valid IBAN of a SEPA country."),
    "reference": _("This reference can't be used: take letters and digits only."),
    "amount": _("This amount can't stand in a payment code."),
    "too_long": _("Name and note are too long for a payment code."),
    "link": _("This is not a web address. It starts with https://."),
}

EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
SEPA_COUNTRIES = frozenset(f"{EEA} AD AL CH GB GI MC MD ME MK RS SM VA".split())
CURRENCIES = {"upi": "INR", "emv": "INR", "pix": "BRL", "epc": "EUR"}

UPI_ADDRESS = re.compile(r"[A-Za-z0-9._-]{1,48}@[A-Za-z][A-Za-z0-9.-]*")
LONGEST_UPI_ADDRESS, LONGEST_UPI_NAME, LONGEST_UPI_NOTE = 50, 50, 50
UPI_REFERENCE = re.compile(r"[A-Za-z0-9.-]{4,35}")
UPI_IN_EMV = "A000000524"
LONGEST_EMV_NAME, LONGEST_EMV_CITY, LONGEST_EMV_LABEL, LONGEST_EMV_AMOUNT = 23, 15, 25, 13

PIX_EMAIL = re.compile(r"[a-z0-9.!#$&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
PIX_PHONE = re.compile(r"\+55[1-9]\d{9,10}")
PIX_RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PIX_TXID = re.compile(r"[A-Za-z0-9]{1,25}")
LONGEST_PIX_EMAIL, LONGEST_PIX_NAME = 77, 25

LONGEST_EPC_NAME, LONGEST_EPC_NOTE, MOST_EPC_BYTES, MOST_EPC_MINOR = 70, 140, 331, 99_999_999_999
LONGEST_LINK = 1000


class PaymentError(Invalid, ValueError):
    """What was given can't stand in a payment's code; `code` is a key of MESSAGES."""

    def __init__(self, code: str) -> None:
        super().__init__(MESSAGES[code], code)


def schemes_for(country: str, currency: str | None = None) -> tuple[str, ...]:
    """What is offered in a country (ISO 3166) by default, best first; only what pays in `currency` if it is given."""
    own = {"IN": ("upi", "emv"), "BR": ("pix",)}.get(country, ("epc",) if country in SEPA_COUNTRIES else ())
    return (*(scheme for scheme in own if currency in (None, CURRENCIES[scheme])), "link")


# what is typed once and kept


def parse_upi_address(text: str) -> str:
    """ "asha.store@okaxis" as typed, without the spaces around it; raises PaymentError."""
    address = text.strip()
    if len(address) > LONGEST_UPI_ADDRESS or not UPI_ADDRESS.fullmatch(address):
        raise PaymentError("upi_address")
    return address


def parse_pix_key(text: str) -> str:
    """A Pix key as the code has it: digits of CPF or CNPJ, e-mail, "+55…" or a random key; raises PaymentError."""
    from stdnum.br import cnpj, cpf

    key = text.strip().lower()
    if PIX_RANDOM.fullmatch(key) or PIX_PHONE.fullmatch(key):
        return key
    if len(key) <= LONGEST_PIX_EMAIL and PIX_EMAIL.fullmatch(key):
        return key
    for kind in (cpf, cnpj):
        if key.isascii() and kind.is_valid(key):
            return str(kind.compact(key)).upper()
    raise PaymentError("pix_key")


def parse_iban(text: str) -> str:
    """An IBAN of a SEPA country, in capitals without spaces; raises PaymentError."""
    from stdnum import iban

    typed = "".join(text.split()).upper()
    if not typed.isascii() or typed[:2] not in SEPA_COUNTRIES or not iban.is_valid(typed):
        raise PaymentError("iban")
    return str(iban.compact(typed))


# the codes


def upi_uri(
    address: str, name: str, amount_minor: int | None = None, note: str = "", reference: str | None = None
) -> str:
    """`upi://pay?…` in paise, open where there is no amount; for a personal address as for a merchant's."""
    fields = {"pa": parse_upi_address(address), "pn": _named(plain(name, LONGEST_UPI_NAME))}
    if amount_minor is not None:
        fields["am"] = _decimal(amount_minor)
    fields["cu"] = "INR"
    if said := plain(note, LONGEST_UPI_NOTE):
        fields["tn"] = said
    if reference is not None:
        fields["tr"] = _upi_reference(reference)
    return "upi://pay?" + "&".join(
        f"{key}={quote(text, safe='@' if key == 'pa' else '')}" for key, text in fields.items()
    )


def emv_upi(
    address: str,
    name: str,
    city: str,
    amount_minor: int | None = None,
    reference: str | None = None,
    category: str = "0000",
) -> str:
    """The EMVCo merchant code of a UPI address in paise (Bharat QR); names in Latin letters, as its fields demand."""
    account = _field("00", UPI_IN_EMV) + _field("01", parse_upi_address(address))
    fields = [_field("00", "01"), _field("01", "11" if amount_minor is None else "12"), _field("26", account)]
    if reference is not None:
        fields.append(_field("27", _field("00", UPI_IN_EMV) + _field("01", _upi_reference(reference))))
    label = reference if reference and len(reference) <= LONGEST_EMV_LABEL else None
    return _emv(fields, category, "356", "IN", name, city, LONGEST_EMV_NAME, amount_minor, label)


def pix(key: str, name: str, city: str, amount_minor: int | None = None, txid: str | None = None) -> str:
    """The static BR Code of a Pix key, in centavos; `txid` is 1 to 25 letters and digits."""
    account = _field("00", "br.gov.bcb.pix") + _field("01", parse_pix_key(key))
    if txid is not None and not PIX_TXID.fullmatch(txid):
        raise PaymentError("reference")
    fields = [_field("00", "01"), _field("26", account)]
    return _emv(fields, "0000", "986", "BR", name, city, LONGEST_PIX_NAME, amount_minor, txid or "***")


def epc(iban: str, name: str, amount_minor: int | None = None, note: str = "", reference: str | None = None) -> str:
    """SEPA's credit transfer (EPC069-12, version 002, UTF-8) in cents.

    `reference` is a creditor reference (ISO 11649, "RF…"); the note is left out then, as a code has one or the other. A
    note is cut to what the whole may hold.
    """
    from stdnum import iso11649

    if reference is not None and not (reference.isascii() and iso11649.is_valid(reference)):
        raise PaymentError("reference")
    if amount_minor is not None and amount_minor > MOST_EPC_MINOR:
        raise PaymentError("amount")
    amount = "" if amount_minor is None else f"EUR{_decimal(amount_minor)}"
    payee = _named(plain(name, LONGEST_EPC_NAME))
    lines = ["BCD", "002", "1", "SCT", "", payee, parse_iban(iban), amount, ""]
    lines += [str(iso11649.compact(reference)) if reference else "", ""]
    room = MOST_EPC_BYTES - len("\n".join(lines).encode())
    if room < 0:
        raise PaymentError("too_long")
    if not reference:
        lines[-1] = _in_bytes(plain(note, LONGEST_EPC_NOTE), room)
    return "\n".join(lines).rstrip("\n")


def link(address: str) -> str:
    """A web address as it is; raises PaymentError for anything else."""
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("https", "http") and bool(parts.hostname) and len(address) <= LONGEST_LINK
    except ValueError:
        fits = False
    if not fits or not address.isascii() or any(char <= " " or char == "\x7f" for char in address):
        raise PaymentError("link")
    return address


# plain words


def plain(text: str, limit: int) -> str:
    """One line of at most `limit` letters, without what is not seen; a letter keeps its marks or goes with them.

    The two joiners stay: scripts of India write with them.
    """
    seen = "".join(_visible(char) for char in text)
    cut = unicodedata.normalize("NFC", " ".join(seen.split()))
    end = min(limit, len(cut))
    while 0 < end < len(cut) and (unicodedata.category(cut[end])[0] == "M" or cut[end] in JOINERS):
        end -= 1
    return cut[:end].strip(" " + JOINERS)


JOINERS = "\u200c\u200d"


def _visible(char: str) -> str:
    if char.isspace():
        return " "
    return "" if unicodedata.category(char)[0] == "C" and char not in JOINERS else char


def _latin(text: str, limit: int) -> str:
    """The same in ASCII, as fields of EMVCo want it."""
    from anyascii import anyascii

    return plain(anyascii(plain(text, len(text))), limit)


def _named(name: str, code: str = "no_name") -> str:
    if not name:
        raise PaymentError(code)
    return name


def _in_bytes(text: str, most: int) -> str:
    end = len(text)
    while len(text[:end].encode()) > most:
        end -= 1
    return plain(text, end)


def _decimal(amount_minor: int) -> str:
    """ "12.50"; every currency here has two decimals."""
    if not 0 < amount_minor <= MAX_AMOUNT_MINOR:
        raise PaymentError("amount")
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def _upi_reference(reference: str) -> str:
    if not UPI_REFERENCE.fullmatch(reference):
        raise PaymentError("reference")
    return reference


def _field(tag: str, value: str) -> str:
    """Tag, length and value; ASCII alone, so that letters are bytes."""
    if not 0 < len(value) <= 99 or not value.isascii():
        raise PaymentError("too_long")
    return f"{tag}{len(value):02d}{value}"


def _emv(
    fields: list[str],
    category: str,
    currency: str,
    country: str,
    name: str,
    city: str,
    longest_name: int,
    amount_minor: int | None,
    label: str | None,
) -> str:
    fields = [*fields, _field("52", category), _field("53", currency)]
    if amount_minor is not None:
        amount = _decimal(amount_minor)
        if len(amount) > LONGEST_EMV_AMOUNT:
            raise PaymentError("amount")
        fields.append(_field("54", amount))
    fields += [_field("58", country), _field("59", _named(_latin(name, longest_name)))]
    fields.append(_field("60", _named(_latin(city, LONGEST_EMV_CITY), "no_city")))
    if label:
        fields.append(_field("62", _field("05", label)))
    unsigned = "".join(fields) + "6304"
    return f"{unsigned}{binascii.crc_hqx(unsigned.encode(), 0xFFFF):04X}"
