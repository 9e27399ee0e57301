"""Signing in with a phone number and a code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from khata.accounts import actions, codes
from khata.accounts.models import Person, Session, SignInCode
from khata.core import clock
from khata.core.db import db, transaction
from khata.messages.models import Message
from tests.client import Browser, last_code, sign_in

PHONE = "+919876500001"


def newest() -> UUID | None:
    """The id of the code sent last."""
    return db.session.scalar(
        sa.select(SignInCode.id).order_by(SignInCode.created_at.desc(), SignInCode.id.desc()).limit(1)
    )


def ask(browser: Browser, phone: str = PHONE, status: int = 303, address: str = "") -> str:
    """Ask for a code and give the words of the answer."""
    overrides = {"REMOTE_ADDR": address} if address else {}
    answer = browser.raw("POST", "/sign-in", data={"phone": phone}, environ_overrides=overrides)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_it_works(visitor: Browser) -> None:
    """From opening to an empty ledger: three screens."""
    visitor.get("/", status=303)
    assert "Get code" in visitor.get("/sign-in").text
    visitor.post("/sign-in", {"phone": "98765 00001"}, then="/sign-in/code")
    assert "+91 98765 00001" in visitor.get("/sign-in/code").text
    visitor.post("/sign-in/code", {"code": last_code(visitor, PHONE)}, then="/shops/new")
    visitor.get("/shops/new")
    visitor.post("/shops/new", {"name": "Asha Store", "category": "grocery"}, then="/")
    assert "Your ledger is empty" in visitor.get("/").text


def test_the_second_time_leads_to_the_ledger(owner: Browser, visitor: Browser) -> None:
    sign_in(visitor, "+919876543210")
    assert visitor.location == "/"
    assert "Asha Store" in visitor.get("/").text


@pytest.mark.parametrize("typed", ["९८७६५००००१", "+91 98765-00001", "(098765) 00001", "\u202a+91 98765 00001\u202c"])
def test_a_number_as_people_type_it(visitor: Browser, typed: str) -> None:
    ask(visitor, typed)
    assert visitor.outbox()[-1]["to"] == PHONE


@pytest.mark.parametrize("typed", ["", "12345", "98765", "abc", "9" * 500, "+999 1", "'; --", "\x00"])
def test_a_bad_number_is_said(visitor: Browser, typed: str) -> None:
    page = visitor.post("/sign-in", {"phone": typed}, status=422)
    (error,) = [span for span in page.all("span") if span.get("id") == "e-phone"]
    assert error["class"] == "err"
    assert visitor.outbox() == []


def test_the_code_page_needs_a_number_first(visitor: Browser) -> None:
    visitor.get("/sign-in/code", status=303)
    visitor.post("/sign-in/code", {"code": "123456"}, then="/sign-in")


def test_a_code_in_native_digits_or_with_blanks(visitor: Browser) -> None:
    ask(visitor)
    code = last_code(visitor, PHONE)
    typed = " ".join(chr(0x966 + int(digit)) for digit in code)
    visitor.post("/sign-in/code", {"code": typed}, then="/shops/new")


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "12345\x00", "١٢٣"])
def test_what_is_no_code_costs_no_try(visitor: Browser, typed: str) -> None:
    ask(visitor)
    for _time in range(7):
        assert "6 digits" in visitor.post("/sign-in/code", {"code": typed}, status=422).text
    visitor.post("/sign-in/code", {"code": last_code(visitor, PHONE)}, then="/shops/new")


def test_five_wrong_codes_and_the_right_one_is_refused(visitor: Browser) -> None:
    ask(visitor)
    code = last_code(visitor, PHONE)
    for _time in range(5):
        assert "not the code we sent" in visitor.post("/sign-in/code", {"code": wrong(code)}, status=422).text
    assert "Ask for a new one" in visitor.post("/sign-in/code", {"code": code}, status=422).text
    visitor.get("/", status=303)


def test_four_wrong_codes_and_the_right_one_is_taken(visitor: Browser) -> None:
    ask(visitor)
    code = last_code(visitor, PHONE)
    for _time in range(4):
        visitor.post("/sign-in/code", {"code": wrong(code)}, status=422)
    visitor.post("/sign-in/code", {"code": code}, then="/shops/new")


def test_tries_are_counted_over_all_browsers(app: Flask) -> None:
    browsers = [Browser(app) for _number in range(2)]
    for browser in browsers:
        ask(browser)
    code = last_code(browsers[0], PHONE)
    for number in range(5):
        browsers[number % 2].post("/sign-in/code", {"code": wrong(code)}, status=422)
    browsers[0].post("/sign-in/code", {"code": code}, status=422)


@pytest.mark.parametrize(("after", "status"), [(timedelta(minutes=9, seconds=58), 303), (timedelta(minutes=10), 422)])
def test_ten_minutes(visitor: Browser, after: timedelta, status: int) -> None:
    start = clock.now()
    with time_machine.travel(start, tick=False):
        ask(visitor)
        code = last_code(visitor, PHONE)
    with time_machine.travel(start + after, tick=False):
        visitor.post("/sign-in/code", {"code": code}, status=status)


def test_a_code_is_used_once(app: Flask, visitor: Browser) -> None:
    ask(visitor)
    code = last_code(visitor, PHONE)
    visitor.post("/sign-in/code", {"code": code})
    with app.app_context(), transaction():
        refusal = codes.use_code(PHONE, newest(), code)
    assert refusal is not None
    assert refusal.code == "code_expired"


def test_a_new_code_ends_the_old_one(visitor: Browser) -> None:
    ask(visitor)
    first = last_code(visitor, PHONE)
    ask(visitor)
    second = last_code(visitor, PHONE)
    if first != second:
        visitor.post("/sign-in/code", {"code": first}, status=422)
    visitor.post("/sign-in/code", {"code": second})


def test_one_number_does_not_open_with_the_code_of_another(app: Flask, visitor: Browser) -> None:
    other = Browser(app)
    ask(visitor)
    ask(other, "+919812300001")
    if last_code(visitor, PHONE) != last_code(other, "+919812300001"):
        other.post("/sign-in/code", {"code": last_code(visitor, PHONE)}, status=422)


def race(app: Flask, count: int, action: Callable[[], Any]) -> list[Any]:
    """What `count` threads get that do the same thing at the same moment."""
    results: list[Any] = []
    gate = threading.Barrier(count)

    def run() -> None:
        with app.app_context():
            gate.wait(10)
            results.append(action())

    threads = [threading.Thread(target=run) for _number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_a_code_is_used_once_in_a_race(app: Flask, visitor: Browser) -> None:
    ask(visitor)
    code = last_code(visitor, PHONE)

    def use() -> bool:
        with transaction():
            return codes.use_code(PHONE, newest(), code) is None

    assert sorted(race(app, 6, use)) == [False] * 5 + [True]


def test_tries_are_counted_in_a_race(app: Flask, visitor: Browser) -> None:
    ask(visitor)
    code = last_code(visitor, PHONE)

    def guess() -> str:
        with transaction():
            refusal = codes.use_code(PHONE, newest(), wrong(code))
            return refusal.code if refusal else "open"

    assert sorted(race(app, 8, guess)) == ["code_used_up"] * 3 + ["code_wrong"] * 5


def test_two_first_sign_ins_make_one_person(app: Flask) -> None:
    """The same number on two browsers at once: the limit's lock makes one wait for the other."""

    def come() -> Any:
        with transaction():
            codes.use_code(PHONE, newest(), "000000")
            return actions.person_for(PHONE, "en", {}).id

    assert len(set(race(app, 4, come))) == 1


# limits


def test_three_codes_a_number_in_ten_minutes(visitor: Browser) -> None:
    start = clock.now()
    with time_machine.travel(start, tick=False) as now:
        for _time in range(3):
            ask(visitor)
        assert "Too many codes" in ask(visitor, status=429)
        ask(visitor, "+919812300001")
        now.shift(timedelta(minutes=10, seconds=1))
        ask(visitor)


def test_ten_codes_a_number_in_a_day(visitor: Browser) -> None:
    with time_machine.travel(clock.now(), tick=False) as now:
        for _time in range(10):
            ask(visitor)
            now.shift(timedelta(minutes=65))
        ask(visitor, status=429)
        now.shift(timedelta(hours=14))
        ask(visitor)


def test_ten_codes_an_address_in_an_hour(visitor: Browser) -> None:
    for number in range(10):
        ask(visitor, f"+9198{number}2300001", address="198.51.100.7")
    ask(visitor, "+917012300001", status=429, address="198.51.100.7")
    ask(visitor, "+917012300001", address="198.51.100.8")


def test_five_codes_a_block_of_numbers_in_an_hour(visitor: Browser) -> None:
    for number in range(5):
        ask(visitor, f"+91987650000{number}", address=f"198.51.100.{number}")
    ask(visitor, "+919876500009", status=429, address="198.51.100.99")
    ask(visitor, "+919877600009", address="198.51.100.99")


def test_a_refusal_keeps_what_was_typed(visitor: Browser) -> None:
    for _time in range(3):
        ask(visitor)
    page = visitor.post("/sign-in", {"phone": "98765 00001"}, status=429)
    assert page.hidden("phone") == "98765 00001"


def test_who_signs_in_stands_in_nobodys_way(app: Flask) -> None:
    """Codes that were used are not counted: a market of shops behind one address signs in."""
    for number in range(12):
        sign_in(Browser(app), f"+9198765{number:05d}")


def test_who_was_here_before_is_not_kept_out_by_strangers(app: Flask, visitor: Browser) -> None:
    """Strangers use up a number's codes and its block's; its own phone has three in ten minutes of its own."""
    with time_machine.travel(clock.now(), tick=False) as now:
        sign_in(visitor, PHONE)
        visitor.post("/sign-out")
        now.shift(timedelta(hours=2))
        strangers = [Browser(app) for _number in range(9)]
        for number in range(5):
            ask(strangers[number], f"+9198765000{number:02}", address=f"198.51.100.{number}")
        ask(strangers[5], PHONE, status=429, address="198.51.100.77")
        sign_in(visitor, PHONE)
        visitor.post("/sign-out")
        for _time in range(4):
            ask(visitor, PHONE)
        ask(visitor, PHONE, status=429)


def test_a_device_has_no_allowance_for_other_numbers(app: Flask, visitor: Browser) -> None:
    sign_in(visitor, PHONE)
    other = "+919876500002"
    for _time in range(3):
        ask(Browser(app), other)
    ask(visitor, other, status=429)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
        ("unix:" + "x" * 100, "unix:" + "x" * 40),
    ],
)
def test_a_customer_of_a_provider_is_one_address(address: str, network: str) -> None:
    assert codes.network_of(address) == network


def test_old_codes_are_forgotten(context: Flask) -> None:
    with transaction():
        codes.send_code(PHONE, "::1")
    with time_machine.travel(clock.now() + timedelta(days=8)):
        from tasks.schedule import forget_codes

        forget_codes()
    assert newest() is None


# what is kept


def test_neither_code_nor_token_can_be_read_from_the_database(visitor: Browser) -> None:
    ask(visitor)
    code = last_code(visitor, PHONE)
    with visitor.app.app_context(), db.engine.connect() as connection:
        message = connection.execute(sa.select(Message.__table__)).one()
        assert (message.state, message.body) == ("sent", "")
        row = connection.execute(sa.select(SignInCode.__table__)).one()
        assert row.code_hash.startswith("$argon2id$")
        assert code not in repr(row).replace(row.phone, "")
    visitor.post("/sign-in/code", {"code": code})
    token = visitor.client.get_cookie("khata_session")
    assert token is not None
    with visitor.app.app_context(), db.engine.connect() as connection:
        assert token.value.encode() not in connection.execute(sa.select(Session.__table__)).one().token_hash


def test_a_person_starts_without_a_name(visitor: Browser) -> None:
    sign_in(visitor, PHONE)
    with visitor.app.app_context(), db.engine.connect() as connection:
        assert connection.execute(sa.select(Person.__table__)).one().name == ""


def test_a_code_opens_the_browser_that_asked_for_it_only(app: Flask, visitor: Browser) -> None:
    visitor.post("/sign-in", {"phone": PHONE}, then="/sign-in/code")
    other = Browser(app)
    other.post("/sign-in", {"phone": PHONE}, then="/sign-in/code")
    codes = [message["body"][:6] for message in visitor.outbox()]
    visitor.post("/sign-in/code", {"code": codes[1]}, status=422)
    for _try in range(5):
        other.post("/sign-in/code", {"code": "000000" if codes[1] != "000000" else "111111"}, status=422)
    visitor.post("/sign-in/code", {"code": codes[0]}, then="/shops/new")
