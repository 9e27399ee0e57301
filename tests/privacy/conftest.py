"""A shop full of names, and a look for them in everything that the database keeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask

from khata.core import clock
from khata.core.db import db
from khata.core.ids import new_id
from tasks import privacy
from tests.accounts.conftest import hire
from tests.client import Browser, sign_in
from tests.factories import dump, picture, upload
from tests.payments.trial import pay_trial

__all__ = ["hire"]
OWNER = "+919876543210"
SHOP, CUSTOMER, NUMBER, NOTE, STAFF = (
    "Asha Store",
    "Zulfiqar Quaintance",
    "9812300077",
    "a quaint remark",
    "Ravindranath",
)


@contextmanager
def days_later(days: int) -> Iterator[Any]:
    """As if so many days had gone by."""
    with time_machine.travel(clock.now() + timedelta(days=days), tick=True) as travelled:
        yield travelled


def erase(app: Flask) -> None:
    """What the worker does every hour."""
    with app.app_context():
        privacy.erase_due(pause_seconds=0)


@pytest.fixture(autouse=True)
def _no_files(data_dir: Path) -> None:
    """What other tests left on the disk is none of ours."""
    for name in ("photos", "shared", "imports"):
        shutil.rmtree(data_dir / name, ignore_errors=True)


@pytest.fixture
def full(owner: Browser) -> Browser:
    """An owner whose shop has something in every table."""
    owner.post("/me", {"name": "Asha", "lang": "en", "photo": upload(picture(size=(31, 31)))})
    party = owner.add_party(CUSTOMER, phone=NUMBER, note=NOTE, photo=upload(picture()))  # type: ignore[arg-type]
    fields: dict[str, Any] = {
        "direction": "gave",
        "amount": "50",
        "note": NOTE,
        "photo": upload(picture(size=(20, 30))),
    }
    owner.post(f"{party}/entries", fields)
    owner.post("/share", {"photo": upload(picture(size=(21, 30)))})
    owner.write(party, "got", "20", in_cash="1")
    deleted = owner.write(party, "gave", "7").links("/entries/")[0]
    owner.post(f"{deleted}/deletion")
    owner.post("/cash", {"direction": "in", "amount": "5", "note": NOTE, "id": str(new_id())})
    table = f"name,phone\n{CUSTOMER} II,9812300078\n".encode()
    owner.post("/imports", {"file": upload(table, "quaint.csv"), "format": "csv"})
    owner.post("/invitations", {"role": "cashier"})
    _ask_for_money(owner, party)
    counter = Browser(owner.app)
    sign_in(counter, OWNER)
    counter.post("/phones", {"lock_seconds": "300"}, then="/phones")
    owner.post("/members", {"name": STAFF, "pin": "8347", "role": "cashier", "lang": "hi"})
    return owner


def _ask_for_money(owner: Browser, party: str) -> None:
    """A link, what the customer said by it, what they agreed to, and what goes out by itself."""
    owner.post(f"{party}/link")
    (url,) = {one for one in owner.get(party).links("http") if "/pay/" in one}
    owner.post(urlsplit(url).path + "/claims", {"amount": "5", "reference": "4711", "note": NOTE})
    pay_trial(Browser(owner.app), urlsplit(url).path, "6", "failed")
    owner.post(f"{party}/consent", {"channel": "sms"})
    owner.post("/reminders/rules", {"kind": "due", "channel": "sms"})
    owner.post("/reminders/text", {"body": "Dear {name}"})
    owner.post("/shops/settings", {"photo": upload(picture(size=(22, 31)))})
    bill = {"party": party.rpartition("/")[2], "amount": "7", "on": "2030-01-01", "every": "month", "note": NOTE}
    owner.post("/to-pay", bill, then="/to-pay")
    plan = {name: owner.get(f"{party}/instalments/new").hidden(name) for name in ("expected_minor", "first_on")}
    owner.post(f"{party}/instalments", {**plan, "parts": "2"}, then=f"{party}/instalments")


@pytest.fixture
def left(app: Flask, data_dir: Path) -> Callable[..., list[str]]:
    """Which of some words the database still has: in its rows and, on SQLite, in the bytes of its files."""

    def look(*words: str) -> list[str]:
        with app.app_context():
            rows = repr(dump())
            path = db.engine.url.database or ""
            raw = b"" if db.engine.dialect.name != "sqlite" else b"".join(_bytes(path + end) for end in ("", "-wal"))
        return [word for word in words if word in rows or word.encode() in raw]

    return look


def _bytes(path: str) -> bytes:
    return Path(path).read_bytes() if Path(path).exists() else b""


def files(data_dir: Path) -> list[Path]:
    """Photos, shared photos and brought-in files on the disk."""
    return [path for name in ("photos", "shared", "imports") for path in (data_dir / name).rglob("*") if path.is_file()]
