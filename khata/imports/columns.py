"""Which column of a table is what: guessed from headers in English and Hindi, and from Khata's own exports."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext as _

FIELDS: tuple[tuple[str, Any], ...] = (
    ("name", _("Name")),
    ("phone", _("Phone number")),
    ("kind", _("Customer or supplier")),
    ("balance", _("Opening balance (below zero: you will give)")),
    ("will_get", _("Opening balance: you will get")),
    ("will_give", _("Opening balance: you will give")),
    ("amount", _("Amount of an entry")),
    ("direction", _("Gave or got")),
    ("gave", _("Amount you gave")),
    ("got", _("Amount you got")),
    ("date", _("Date")),
    ("note", _("Note")),
    ("address", _("Address")),
    ("gstin", _("GSTIN")),
    ("party_id", _("Account id from Khata")),
    ("entry_id", _("Entry id from Khata")),
)
CODES = frozenset(code for code, _label in FIELDS)
OF_ENTRY = frozenset({"amount", "gave", "got"})
OF_OPENING = frozenset({"balance", "will_get", "will_give"})

# Headers as people and other programs write them, the surest first: a field takes the first that is there.
HEADERS: dict[str, str] = {
    "party_id": "party_id",
    "entry_id": "entry_id",
    "name": "name|customer name|party name|supplier name|contact name|full name|display name|customer|party|supplier"
    "|account|person|नाम|ग्राहक का नाम|ग्राहक|पार्टी का नाम|पार्टी|सप्लायर का नाम|सप्लायर|खाता",
    "phone": "phone|phone number|mobile|mobile number|mobile no|phone no|contact|contact number|contact no|whatsapp|tel"
    "|telephone|phone 1 value|फ़ोन|फोन|फ़ोन नंबर|फोन नंबर|मोबाइल|मोबाइल नंबर|मोबाइल नं|नंबर|संपर्क",
    "kind": "kind|type|party type|customer or supplier|प्रकार|किस्म",
    "balance": "balance|opening balance|outstanding|due|dues|amount due|net balance|closing balance|बैलेंस|बाकी|बाक़ी|बकाया"
    "|शेष|उधार",
    "will_get": "will_get|will get|you will get|you'll get|to receive|receivable|to collect|मिलेंगे|लेने हैं|आपको मिलेंगे",
    "will_give": "will_give|will give|you will give|you'll give|to pay|payable|देने हैं|देंगे|आप देंगे",
    "amount": "amount|sum|total|value|rs|rupees|bill amount|entry amount|रकम|राशि|रुपये|रुपए|कुल",
    "direction": "direction|gave or got|dr/cr|dr / cr|cr/dr|debit/credit|entry type|transaction type"
    "|दिशा|दिया या मिला|लेन देन",
    "gave": "gave|you gave|given|debit|dr|debit amount|debit(-)|debit (-)|दिया|दिए|आपने दिया|आपने दिए|उधार दिया|नामे",
    "got": "got|you got|received|credit|cr|credit amount|credit(+)|credit (+)|paid|payment"
    "|मिला|मिले|आपको मिला|आपको मिले|जमा|लिया",
    "date": "date|on|entry date|bill date|transaction date|day|तारीख|तारीख़|दिनांक|तिथि|दिन",
    "note": "note|notes|description|details|remark|remarks|narration|particulars|comment|item|नोट|विवरण|टिप्पणी|ब्योरा",
    "address": "address|place|city|पता|जगह|शहर",
    "gstin": "gstin|gst|gst no|gst number|gstin number|जीएसटी|जीएसटीआईएन|जीएसटी नंबर",
}


def guess(first: list[str]) -> dict[str, int]:
    """field -> column as a first row names them; empty where it names none, and so is no header."""
    spelt = [_plain(cell) for cell in first]
    found: dict[str, int] = {}
    for code, headers in HEADERS.items():
        for header in headers.split("|"):
            at = next((at for at, cell in enumerate(spelt) if cell == header and at not in found.values()), None)
            if at is not None:
                found[code] = at
                break
    if "amount" in found and "direction" not in found and "kind" in found and spelt[found["kind"]] == "type":
        found["direction"] = found.pop("kind")
    return _without_clashes(found)


def _plain(cell: str) -> str:
    """ "  Mobile No. (10 digits)" as "mobile no"."""
    text = cell.casefold().strip("\ufeff \t\"'")
    if text not in ("debit(-)", "credit(+)", "debit (-)", "credit (+)"):
        text = re.sub(r"\(.*?\)|[.:*#₹]", " ", text)
    return " ".join(text.split())


def _without_clashes(found: dict[str, int]) -> dict[str, int]:
    """A table of entries may carry a running balance: that is no opening one."""
    if "gave" in found or "got" in found:
        found.pop("amount", None)
        found.pop("direction", None)
    if any(code in found for code in OF_ENTRY):
        for code in OF_OPENING:
            found.pop(code, None)
    elif "will_get" in found or "will_give" in found:
        found.pop("balance", None)
    return found


def is_header(first: list[str], second: list[str]) -> bool:
    """True where the first row names columns: it names one we know, or has no figure where the next row has."""
    return bool(guess(first)) or (not _has_figure(first) and _has_figure(second))


def _has_figure(cells: list[str]) -> bool:
    return any(char.isdecimal() for cell in cells for char in cell)


def proposed(first: list[str], second: list[str]) -> dict[str, int]:
    """The mapping to begin with; where no header says it, the first text is the name, a long number the phone."""
    found = guess(first) or _guess_from_content(second if is_header(first, second) else first)
    if "name" in found or "phone" in found:
        return found
    free = next((at for at in range(len(first)) if at not in found.values()), 0)
    return {**found, "name": free}


def _guess_from_content(cells: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, cell in enumerate(cells):
        digits, letters = (sum(map(test, cell)) for test in (str.isdecimal, str.isalpha))
        if letters and digits < 5:
            found.setdefault("name", at)
        elif digits >= 8 and not letters:
            found.setdefault("phone", at)
    return found
