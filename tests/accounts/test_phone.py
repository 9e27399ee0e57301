"""A shop's phone: enrolled, changed over by face and PIN, locked by rest and by a tap."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from khata.accounts import pins, slips
from khata.accounts.models import Device, Member, Person, Session, SignInCode
from khata.core import clock
from khata.core.db import db, transaction
from tests.accounts.conftest import accept, link
from tests.client import Browser, sign_in
from tests.factories import picture, upload

OWNER, STRANGER = "+919876543210", "+919812300099"
RAVI = {"name": "Ravi", "pin": "8347", "role": "cashier", "lang": "hi"}


def after(**time: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**time), tick=True)


def member_of(browser: Browser, name: str) -> str:
    """The id on the face called `name`."""
    page = browser.get("/unlock")
    found = re.search(
        rf'value="([0-9a-f-]{{36}})"[^>]*>\s*<span>(?:<img[^>]*>|<i[^>]*>[^<]*</i>)<b>{name}</b>', page.html
    )
    assert found, f"no face of {name}"
    return found[1]


def take_over(browser: Browser, name: str, pin: str, **expected: object) -> str:
    page = browser.post("/unlock", {"member": member_of(browser, name), "pin": pin}, **expected)  # type: ignore[arg-type]
    return page.text


@pytest.fixture
def counter(owner: Browser) -> Browser:
    """The shop's phone in the owner's hand: Asha has a PIN, Ravi a first one."""
    owner.post("/me", {"name": "Asha", "lang": "en"})
    owner.post("/me/pin", {"pin": "4071"}, then="/menu")
    owner.post("/phones", {"lock_seconds": "300"}, then="/phones")
    owner.post("/members", RAVI, then="/members")
    return owner


@pytest.fixture
def ravis(counter: Browser) -> Browser:
    """The same phone in Ravi's hand, who has chosen his PIN."""
    counter.post("/lock", then="/unlock")
    take_over(counter, "Ravi", "8347", then="/me/pin")
    counter.post("/me/pin", {"pin": "9260"}, then="/")
    return counter


def test_it_works(ravis: Browser) -> None:
    party = ravis.add_party("Ramesh")
    ravis.write(party, "gave", "50")
    ravis.post("/lock", then="/unlock")
    page = ravis.get("/unlock")
    assert "Asha" in page.text
    assert "Ravi" in page.text
    take_over(ravis, "Asha", "4071", then="/")
    (entry,) = ravis.get(party).links("/entries/")
    assert re.search(r"Ravi, \w+", ravis.get(entry).text), "what is written carries hand and phone"


def test_each_keeps_their_language(ravis: Browser) -> None:
    assert ravis.get("/").all("html")[0]["lang"] == "hi"
    take_over(ravis, "Asha", "4071", then="/")
    assert ravis.get("/").all("html")[0]["lang"] == "en"


def test_the_first_pin_is_changed_before_anything_else(counter: Browser) -> None:
    take_over(counter, "Ravi", "8347", then="/me/pin")
    for address in ("/", "/cash", "/menu"):
        answer = counter.raw("GET", address)
        assert answer.status_code == 200 if address == "/menu" else answer.location == "/me/pin"
    counter.post("/parties", {"name": "Early", "kind": "customer"}, then="/me/pin")
    page = counter.post("/me/pin", {"pin": "8347"}, status=422)
    assert "अलग PIN चुनें" in page.text, "in Ravi's language"
    counter.post("/me/pin", {"pin": "9260"}, then="/")
    counter.get("/")


def test_whoever_was_before_is_out(app: Flask, counter: Browser) -> None:
    cookie = counter.client.get_cookie("khata_session")
    assert cookie is not None
    take_over(counter, "Ravi", "8347")
    thief = Browser(app)
    thief.client.set_cookie("khata_session", cookie.value)
    assert thief.raw("GET", "/").location == "/sign-in"


def test_a_lock_ends_the_session_and_asks_whose_turn_it_is(counter: Browser) -> None:
    party = counter.add_party("Ramesh")
    counter.get(party)
    counter.post("/lock", then="/unlock")
    for address in ("/", party, "/cash", "/members"):
        assert counter.raw("GET", address).location == "/unlock"
        assert counter.raw("GET", address, headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/unlock"
    counter.post("/parties", {"name": "Late"}, then="/unlock")


def test_signing_out_there_leads_to_the_faces(counter: Browser) -> None:
    counter.post("/sign-out", then="/unlock")
    assert "Asha" in counter.get("/unlock").text


def test_it_locks_by_itself_after_the_time_the_owner_chose(counter: Browser) -> None:
    (phone,) = {form["action"] for form in counter.get("/phones").all("form") if form["action"].count("/") == 2}
    counter.post(phone, {"lock_seconds": "60"}, then="/phones")
    with after(seconds=50):
        counter.get("/")
        with after(seconds=50):
            counter.get("/")
            with after(seconds=61):
                assert counter.raw("GET", "/").location == "/unlock"


def test_a_sign_of_life_keeps_it_open(counter: Browser) -> None:
    """What the script sends while somebody types for long."""
    with after(seconds=200):
        assert counter.raw("HEAD", "/menu").status_code == 200
    with after(seconds=400):
        counter.get("/")


def test_a_kept_page_is_not_given_to_the_next(ravis: Browser) -> None:
    party = ravis.add_party("Ramesh")
    ravis.get(party)
    ravis.get(party)
    with after(minutes=6):
        assert ravis.raw("GET", party).location == "/unlock"


def test_no_page_of_a_shops_phone_is_stored(counter: Browser) -> None:
    party = counter.add_party("Ramesh")
    counter.write(party, "gave", "5", photo=upload(picture()))  # type: ignore[arg-type]
    (entry,) = counter.get(party).links("/entries/")
    (photo,) = [image["src"] for image in counter.get(entry).all("img")]
    for address in ("/", party, "/menu", photo):
        with counter.raw("GET", address) as answer:
            assert answer.headers["Cache-Control"] == "no-store", address


def test_the_browsers_own_list_of_pages_names_nobody(counter: Browser, stranger: Browser) -> None:
    def titles(browser: Browser) -> str:
        party = browser.add_party("Ramesh")
        (entry,) = browser.write(party, "gave", "5").links("/entries/")
        pages = [browser.get(url).html for url in (party, f"{party}/edit", f"{party}/statement", entry)]
        return " ".join(re.findall("<title>(.*?)</title>", " ".join(pages)))

    assert "Ramesh" not in titles(counter)
    assert titles(stranger).count("Ramesh") == 4


def test_without_script_the_page_goes_away_by_itself(counter: Browser) -> None:
    (refresh,) = [meta for meta in counter.get("/").all("meta") if meta.get("http-equiv") == "refresh"]
    assert refresh["content"] == "300;url=/unlock"


# PINs


@pytest.mark.parametrize(
    "pin", ["", "12", "1234567", "12a4", "1111", "1234", "4321", "7890", "1212", "123123", "1985", "2024"]
)
def test_a_pin_that_is_none_or_is_guessed_first(counter: Browser, pin: str) -> None:
    page = counter.post("/members", {**RAVI, "name": "Mina", "pin": pin}, status=422)
    assert page.hidden("name") == "Mina"
    assert pin == "" or f'value="{pin}"' not in page.html
    counter.post("/me/pin", {"pin": pin}, status=422)


def test_nor_the_end_of_ones_number(counter: Browser) -> None:
    counter.post("/me/pin", {"pin": "3210"}, status=422)


def test_digits_of_any_script(counter: Browser) -> None:
    counter.post("/me/pin", {"pin": "५२७०"}, then="/menu")
    take_over(counter, "Asha", "5270", then="/")


@given(st.text("0123456789", min_size=4, max_size=6))
def test_any_digits_are_weak_or_not(pin: str) -> None:
    assert pins.is_weak(pin) in (True, False)
    assert pins.is_weak(pin, "+91" + "5" * 6 + pin)


def test_wrong_pins_wait_longer_each_time_and_then_ask_for_a_code(counter: Browser) -> None:
    counter.post("/lock")
    assert "This is not the PIN" not in take_over(counter, "Asha", "5555", status=429)
    moment = clock.now()
    for wait in (6, 31, 121):
        with time_machine.travel(moment + timedelta(seconds=wait - 3)):
            assert "Wait" in take_over(counter, "Asha", "4071", status=429), "too early, though it is the right one"
        moment += timedelta(seconds=wait)
        with time_machine.travel(moment):
            take_over(counter, "Asha", "5555", status=429)
    with time_machine.travel(moment + timedelta(days=3)):
        assert "Sign in with a code" in take_over(counter, "Asha", "4071", status=429)
        sign_in(counter, OWNER)
        counter.post("/lock")
        take_over(counter, "Asha", "4071", then="/")


def test_a_stranger_cant_go_from_face_to_face(counter: Browser) -> None:
    moment = clock.now()
    for turn, name in enumerate(("Asha", "Ravi", "Asha", "Ravi")):
        moment += timedelta(minutes=3)
        with time_machine.travel(moment):
            take_over(counter, name, "5555", status=429), turn
    with time_machine.travel(moment + timedelta(hours=1)):
        assert "on this phone" in take_over(counter, "Asha", "4071", status=429)


def test_a_slip_is_forgiven_and_a_guess_is_not(counter: Browser) -> None:
    """At the phone, where others wait; never at the face, or who stands by could guess before each right one."""
    counter.post("/lock")
    take_over(counter, "Asha", "5555", status=429)
    with after(seconds=20):
        take_over(counter, "Asha", "4071", then="/")
    assert counted(counter) == {"phone": 0, "Asha": 1, "Ravi": 0}
    with after(minutes=1):
        take_over(counter, "Asha", "5555", status=429)
    with after(minutes=10):
        take_over(counter, "Asha", "4071", then="/")
    assert counted(counter) == {"phone": 1, "Asha": 2, "Ravi": 0}, "somebody else may have tried"


def counted(browser: Browser) -> dict[str, int]:
    """Wrong PINs that count at the phone and at each face."""
    with browser.app.app_context():
        at_faces = sa.select(Person.name, Member.wrong_pins).join(Person, Person.id == Member.person_id)
        at_phone = db.session.scalar(sa.select(Device.wrong_pins).where(Device.shop_id.is_not(None)))
        return {"phone": at_phone or 0, **{row.name: row.wrong_pins for row in db.session.execute(at_faces)}}


def guesses(browser: Browser, names: list[str], between: Callable[[], object] = lambda: None) -> int:
    """How many wrong PINs the phone compares, from face to face, with `between` after each, until it takes none."""
    moment, taken = clock.now(), 0
    for turn in range(30):
        before = sum(count for name, count in counted(browser).items() if name != "phone")
        moment += timedelta(minutes=3)
        with time_machine.travel(moment, tick=True):
            take_over(browser, names[turn % len(names)], "5555", status=429)
            taken += sum(count for name, count in counted(browser).items() if name != "phone") - before
            between()
    return taken


def allowed_pins(length: int = 4) -> int:
    return sum(not pins.is_weak("".join(digits)) for digits in product("0123456789", repeat=length))


def test_the_odds_of_a_stranger_at_one_phone(counter: Browser) -> None:
    """At all faces together, however long somebody is patient."""
    counter.post("/lock")
    taken = guesses(counter, ["Asha", "Ravi"])
    assert taken == pins.TRIES
    assert taken / allowed_pins() <= 1 / 2000


def test_the_odds_of_a_stranger_with_a_number(counter: Browser) -> None:
    """Who signs in with a number that is no member's, and out again, has unblocked nothing."""
    counter.post("/lock")

    def sign_in_and_lock() -> None:
        come_in(counter, STRANGER)
        counter.post("/lock")

    assert guesses(counter, ["Asha", "Ravi"], sign_in_and_lock) / allowed_pins() <= 1 / 2000


def test_the_odds_of_a_helper_with_a_pin(counter: Browser) -> None:
    """Who opens the phone by an own PIN after each try at another face has not cleared it: not for the next face."""
    counter.post("/members", {**RAVI, "name": "Mina"}, then="/members")
    ravis = counter
    ravis.post("/lock")
    take_over(ravis, "Ravi", "8347", then="/me/pin")
    ravis.post("/me/pin", {"pin": "9260"}, then="/")
    ravis.post("/lock")

    def own_turn() -> None:
        with after(seconds=125):  # the longest wait is over
            ravis.raw("POST", "/unlock", data={"member": member_of(ravis, "Ravi"), "pin": "9260"})

    assert guesses(ravis, ["Asha", "Mina"], own_turn) / allowed_pins() <= 1 / 2000


def test_the_odds_of_a_helper_who_stands_by(counter: Browser) -> None:
    """One guess before each time that Asha types her PIN, in the time in which it passes for her own slip."""
    counter.post("/lock")
    moment, taken = clock.now(), 0
    for _turn in range(12):
        moment += timedelta(minutes=10)
        before = counted(counter)["Asha"]
        with time_machine.travel(moment, tick=True):
            take_over(counter, "Asha", "5555", status=429)
        taken += counted(counter)["Asha"] - before
        with time_machine.travel(moment + timedelta(minutes=1), tick=True):
            counter.raw("POST", "/unlock", data={"member": member_of(counter, "Asha"), "pin": "4071"})
            counter.raw("POST", "/lock")
    assert taken / allowed_pins() <= 1 / 2000


# Slips

LONG = "407183"
SLIPS = {"changed": "407193", "swapped": "401783", "missing": "40713", "extra": "4071283", "doubled": "4071833"}
GUESS = "925806"


@pytest.fixture
def ravis_long(ravis: Browser) -> Browser:
    """The phone, locked; Ravi's PIN has six digits."""
    ravis.post("/me/pin", {"old": "9260", "pin": LONG}, then="/menu")
    ravis.post("/lock", then="/unlock")
    return ravis


def try_pin(browser: Browser, name: str, pin: str, **time: float) -> int:
    """Try a PIN after so long, and lock again; gives the answer's status."""
    with after(**time):
        status = browser.raw("POST", "/unlock", data={"member": member_of(browser, name), "pin": pin}).status_code
        browser.raw("POST", "/lock")
    return status


def digests(browser: Browser) -> list[str]:
    with browser.app.app_context():
        return [text for text in db.session.scalars(sa.select(Member.wrong_pin_digests)) if text is not None]


@pytest.mark.parametrize("kind", ["changed", "swapped", "missing"])
def test_a_right_pin_takes_back_its_slips(ravis_long: Browser, kind: str) -> None:
    assert try_pin(ravis_long, "Ravi", SLIPS[kind]) == 429
    assert try_pin(ravis_long, "Ravi", SLIPS[kind], minutes=3) == 429
    assert counted(ravis_long) == {"phone": 2, "Asha": 0, "Ravi": 2}
    assert try_pin(ravis_long, "Ravi", LONG, minutes=9) == 303
    assert counted(ravis_long) == {"phone": 0, "Asha": 0, "Ravi": 0}
    assert digests(ravis_long) == []


@pytest.mark.parametrize("kind", ["extra", "doubled"])
def test_and_those_with_a_digit_too_many(ravis_long: Browser, kind: str) -> None:
    """At the faces no such PIN is taken; where it is changed, the old one is tried as it was typed."""
    assert try_pin(ravis_long, "Ravi", SLIPS[kind]) == 422
    take_over(ravis_long, "Ravi", LONG, then="/")
    ravis_long.post("/me/pin", {"old": SLIPS[kind], "pin": "718429"}, status=422)
    assert counted(ravis_long)["Ravi"] == 1
    assert try_pin(ravis_long, "Ravi", LONG, minutes=3) == 303
    assert counted(ravis_long) == {"phone": 0, "Asha": 0, "Ravi": 0}


def test_three_guesses_and_the_right_pin_leave_three(ravis_long: Browser) -> None:
    for turn in range(3):
        try_pin(ravis_long, "Ravi", GUESS, minutes=3 * turn)
    assert try_pin(ravis_long, "Ravi", LONG, minutes=20) == 303
    assert counted(ravis_long) == {"phone": 3, "Asha": 0, "Ravi": 3}


def test_a_slip_among_guesses(ravis_long: Browser) -> None:
    for turn, pin in enumerate((GUESS, SLIPS["swapped"], GUESS)):
        try_pin(ravis_long, "Ravi", pin, minutes=3 * turn)
    try_pin(ravis_long, "Ravi", LONG, minutes=20)
    assert counted(ravis_long) == {"phone": 2, "Asha": 0, "Ravi": 2}


def test_four_guesses_in_all_block_although_right_pins_came_between(ravis_long: Browser) -> None:
    for day in range(4):
        assert try_pin(ravis_long, "Ravi", GUESS, days=day) == 429
        assert try_pin(ravis_long, "Ravi", LONG, days=day, hours=1) == (303 if day < 3 else 429)
    assert counted(ravis_long)["Ravi"] == 4


def test_a_slip_every_day_for_a_month_never_blocks(ravis_long: Browser) -> None:
    month = sorted(slip for slip in slips.slips_of(LONG) if len(slip) <= 6)[:60:2]
    for day, slip in enumerate(month):
        assert try_pin(ravis_long, "Ravi", slip, days=day) == 429
        assert try_pin(ravis_long, "Ravi", LONG, days=day, seconds=20) == 303
    assert len(month) == 30
    assert counted(ravis_long) == {"phone": 0, "Asha": 0, "Ravi": 0}


def test_a_short_pin_takes_back_none(counter: Browser) -> None:
    """Who stands by would find it: `test_a_slip_of_a_short_pin_tells_too_much`."""
    counter.post("/lock")
    for day, slip in enumerate(("4072", "4701", "40711")):
        try_pin(counter, "Asha", slip, days=day)
        assert try_pin(counter, "Asha", "4071", days=day, minutes=10) == 303
    assert counted(counter) == {"phone": 3, "Asha": 3, "Ravi": 0}


def test_slips_on_another_phone_stay(app: Flask, ravis_long: Browser) -> None:
    """A right PIN here takes back from this phone's count what was typed here."""
    second = Browser(app)
    sign_in(second, OWNER)
    second.post("/phones", {"lock_seconds": "300"}, then="/phones")
    second.post("/lock", then="/unlock")
    try_pin(second, "Ravi", SLIPS["changed"])
    try_pin(ravis_long, "Asha", "5555", minutes=3)
    assert try_pin(ravis_long, "Ravi", LONG, minutes=9) == 303
    with app.app_context():
        assert sorted(db.session.scalars(sa.select(Device.wrong_pins))) == [1, 1]
    assert counted(second)["Ravi"] == 1


def test_slips_do_not_outlast_a_sign_in(ravis_long: Browser) -> None:
    """Nobody lays up slips, to take them back from what is tried at other faces once the phone counts anew."""
    try_pin(ravis_long, "Ravi", SLIPS["changed"])
    come_in(ravis_long, OWNER)
    ravis_long.post("/lock")
    assert digests(ravis_long) == []
    try_pin(ravis_long, "Asha", "5555", minutes=3)
    assert try_pin(ravis_long, "Ravi", LONG, minutes=9) == 303
    assert counted(ravis_long) == {"phone": 1, "Asha": 1, "Ravi": 1}


def test_digests_go_with_the_count(app: Flask, ravis_long: Browser) -> None:
    try_pin(ravis_long, "Ravi", GUESS)
    try_pin(ravis_long, "Asha", GUESS, minutes=3)
    assert len(digests(ravis_long)) == 2
    away = Browser(app)
    sign_in(away, OWNER)
    assert len(digests(away)) == 1, "hers are gone: she signed in"
    assert (counted(away)["Asha"], counted(away)["Ravi"]) == (0, 1)
    away.post(f"/members/{member_of(ravis_long, 'Ravi')}/pin", {"pin": "609358"}, then="/members")
    assert digests(away) == []
    assert counted(away)["Ravi"] == 0


def test_no_wrong_pin_is_kept(ravis_long: Browser) -> None:
    """Only what the installation's secret makes of it: another one for each phone and member."""
    for turn in range(4):
        try_pin(ravis_long, "Ravi", GUESS, minutes=3 * turn)
    (kept,) = digests(ravis_long)
    assert re.fullmatch(r"[0-9a-f]{32}( [0-9a-f]{32}){3}", kept)
    assert len(kept) <= Member.__table__.c.wrong_pin_digests.type.length
    with ravis_long.app.app_context():
        member = db.session.scalars(sa.select(Member).where(Member.wrong_pin_digests.is_not(None))).one()
        device_id = db.session.scalars(sa.select(Device.id)).one()
        member.wrong_pin_digests = None
        digest = []
        for secret, phone in (("one", device_id), ("two", device_id), ("one", member.id)):
            slips.keep(secret, phone, member, GUESS)
            digest.append((member.wrong_pin_digests or "").split()[-1])
        db.session.rollback()
    assert len(set(digest)) == 3


def test_slips_are_mutual() -> None:
    for pin in ("407183", "440718", "112233"):
        assert all(pin in slips.slips_of(slip) for slip in slips.slips_of(pin)), pin
        assert pin not in slips.slips_of(pin)
    assert slips.slips_of(LONG) >= set(SLIPS.values())
    assert GUESS not in slips.slips_of(LONG)


def chances(length: int) -> float:
    """At most so likely is it that a helper who stands by ever finds a PIN of this length, with the best of plans.

    He sees from waits whether a guess was taken back, and from then on he is close: count that as found. As long as
    none is taken back he has `TRIES`, and what he tries depends on nothing that he saw. So each guess is worth the
    PINs that it is or that it is a slip of, and no more. How many these are follows from which neighbours are alike.
    """
    worth = 0
    for typed in (length - 1, length, length + 1):
        for digits in product("012", repeat=typed):
            guess = "".join(digits)
            near = sum(len(pin) == length for pin in slips.slips_of(guess))
            worth = max(worth, near + (typed == length))
    return pins.TRIES * worth / allowed_pins(length)


def test_the_odds_of_a_helper_who_stands_by_where_slips_are_taken_back() -> None:
    assert chances(slips.SHORTEST) == 240 / 998_890
    assert chances(slips.SHORTEST) <= 1 / 2000


def test_a_slip_of_a_short_pin_tells_too_much() -> None:
    """Why only long ones: the bound is far off, and it breaks already for who just counts up the last digit."""
    assert chances(4) > 1 / 100
    assert chances(5) > 1 / 500
    line = [f"935{digit}" for digit in range(10)]
    found = sum(len(set(line[:turn]) - slips.slips_of(right)) < pins.TRIES for turn, right in enumerate(line))
    assert found == 10
    assert found / allowed_pins() > 1 / 2000


def test_the_documents_say_from_how_many_digits_on() -> None:
    root = Path(pins.__file__).parents[2]
    for name in ("docs/security.md", "CONTRIBUTING.md"):
        assert f"PIN of {'six' if slips.SHORTEST == 6 else slips.SHORTEST} digits" in (root / name).read_text("utf-8")


def test_a_member_who_signs_in_opens_a_blocked_phone(counter: Browser) -> None:
    counter.post("/lock")
    guesses(counter, ["Asha", "Ravi"])
    come_in(counter, OWNER)
    assert counted(counter)["phone"] == 0
    counter.post("/lock")
    take_over(counter, "Asha", "4071", then="/")


def come_in(browser: Browser, phone: str) -> None:
    """Sign in, however many codes were asked for."""
    with browser.app.app_context(), transaction():
        db.session.execute(sa.delete(SignInCode))
    sign_in(browser, phone)


def test_the_owner_hears_of_a_blocked_pin(counter: Browser) -> None:
    moment = clock.now()
    for _turn in range(4):
        moment += timedelta(minutes=3)
        with time_machine.travel(moment):
            take_over(counter, "Ravi", "5555", status=429)
    sign_in(counter, OWNER)
    page = counter.get("/")
    assert "too many wrong PINs for Ravi" in page.text
    (notice,) = [form["action"] for form in page.all("form") if form["action"].startswith("/notices/")]
    counter.post(notice, then="/")
    assert "wrong PINs" not in counter.get("/").text
    assert "Too many wrong PINs for Ravi" in counter.get("/daybook").text


def test_a_pin_from_the_owner_opens_a_blocked_member_again(counter: Browser) -> None:
    ravi = member_of(counter, "Ravi")
    moment = clock.now()
    for _turn in range(3):
        moment += timedelta(minutes=3)
        with time_machine.travel(moment):
            take_over(counter, "Ravi", "5555", status=429)
    with time_machine.travel(moment + timedelta(minutes=3)):
        sign_in(counter, OWNER)
        counter.post(f"/members/{ravi}/pin", {"pin": "6093"}, then="/members")
        take_over(counter, "Ravi", "6093", then="/me/pin")


def test_a_new_pin_ends_the_session_of_the_old_one(app: Flask, ravis: Browser) -> None:
    away = Browser(app)
    sign_in(away, OWNER)
    away.post(f"/members/{member_of(ravis, 'Ravi')}/pin", {"pin": "6093"})
    assert ravis.raw("GET", "/").location == "/unlock"


def test_changing_ones_pin_asks_for_the_old_one(ravis: Browser) -> None:
    page = ravis.post("/me/pin", {"old": "1357", "pin": "7184"}, status=422)
    assert "7184" not in page.html
    with after(seconds=40):
        ravis.post("/me/pin", {"old": "9260", "pin": "7184"}, then="/menu")
        ravis.post("/lock")
        take_over(ravis, "Ravi", "7184", then="/")


def test_only_a_hash_is_kept(counter: Browser) -> None:
    with counter.app.app_context():
        hashes = set(db.session.scalars(sa.select(Member.pin_hash)))
    assert all(text.startswith("$argon2id$") for text in hashes if text)


@pytest.mark.parametrize("member", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_no_face_or_a_strange_one(counter: Browser, member: str) -> None:
    page = counter.post("/unlock", {"member": member, "pin": "4071"}, status=422)
    assert "Tap your name first" in page.text
    assert "4071" not in page.html


# What a PIN opens, and what it does not


def test_a_pin_does_not_open_what_belongs_to_the_person(counter: Browser, open_shop: Callable[..., Browser]) -> None:
    take_over(counter, "Asha", "4071", then="/")
    for address in ("/devices", "/shops", "/shops/new"):
        assert counter.raw("GET", address).location == "/proof", address
    for address in ("/devices/sign-out", "/shops/new"):
        assert counter.raw("POST", address).location == "/proof", address
    page = counter.get("/proof")
    assert "+91 98765 43210" in page.text


def test_after_a_proof_it_does_and_the_token_is_new(app: Flask, counter: Browser) -> None:
    from tests.client import last_code

    take_over(counter, "Asha", "4071", then="/")
    before = counter.client.get_cookie("khata_session")
    counter.get("/devices", status=303)
    counter.post("/proof", then="/proof/code")
    counter.post("/proof/code", {"code": "000000"}, status=422)
    counter.post("/proof/code", {"code": last_code(counter, OWNER)}, then="/devices")
    counter.get("/devices")
    assert before is not None
    thief = Browser(app)
    thief.client.set_cookie("khata_session", before.value)
    thief.get("/", status=303)


def test_who_works_by_pin_only_has_no_number_to_prove(ravis: Browser) -> None:
    ravis.get("/devices", status=303)
    ravis.get("/proof", status=403)
    ravis.post("/proof", status=403)
    ravis.get("/menu")
    ravis.get("/me")


def test_a_proof_holds_a_quarter_of_an_hour(owner: Browser) -> None:
    owner.post("/phones", {"lock_seconds": "900"}, then="/phones")
    (phone,) = {form["action"] for form in owner.get("/phones").all("form") if form["action"].endswith("release")}
    with after(minutes=14):
        owner.get("/")
    with after(minutes=16):
        owner.post(phone, then="/proof")


def test_a_pin_works_on_a_phone_of_the_shop_only(app: Flask, counter: Browser, visitor: Browser) -> None:
    visitor.post("/unlock", {"member": member_of(counter, "Asha"), "pin": "4071"}, status=404)
    visitor.get("/unlock", status=303)
    sign_in(visitor, OWNER)
    visitor.post("/sign-out")
    visitor.post("/unlock", {"member": member_of(counter, "Asha"), "pin": "4071"}, status=404)


def test_a_device_cookie_must_prove_itself(app: Flask, counter: Browser) -> None:
    cookie = counter.client.get_cookie("khata_device")
    assert cookie is not None
    other = Browser(app)
    other.client.set_cookie("khata_device", cookie.value[:-1] + ("0" if cookie.value[-1] != "0" else "1"))
    other.get("/unlock", status=303)


# Phones


def test_a_phone_belongs_to_one_shop(app: Flask, counter: Browser) -> None:
    counter.post("/shops/new", {"name": "Second"}, then="/")
    page = counter.post("/phones", {"lock_seconds": "60"}, status=422)
    assert "belongs to another shop" in page.text


def the_phone(browser: Browser) -> str:
    """Its address on the page of phones."""
    (phone,) = {form["action"] for form in browser.get("/phones").all("form") if form["action"].count("/") == 2}
    return phone


def test_who_manages_members_names_it(app: Flask, counter: Browser) -> None:
    """From afar, too: they need not have been signed in on it."""
    partner = Browser(app)
    sign_in(partner, "+919876500012")
    accept(partner, link(counter, "owner"))
    partner.post(the_phone(partner), {"lock_seconds": "300", "label": "Counter phone"}, then="/phones")
    assert "Counter phone" in partner.get("/phones").text
    assert "is called Counter phone now" in partner.get("/daybook").text
    assert "locks after another time" not in partner.get("/daybook").text
    partner.post(the_phone(partner), {"lock_seconds": "300", "label": " "}, then="/phones")
    page = partner.post(the_phone(partner), {"lock_seconds": "300", "label": "x" * 41}, status=422)
    assert "at most 40" in page.text
    assert "Counter phone" in partner.get("/phones").text
    partner.post(the_phone(partner), {"lock_seconds": "60"}, then="/phones")
    assert "Counter phone" in partner.get("/phones").text


@pytest.mark.parametrize("who", ["a stranger", "a cashier", "an owner of another shop"])
def test_nobody_else_renames_it(counter: Browser, who: str) -> None:
    """It stands beside all that was ever written on it."""
    address, page = the_phone(counter).replace("/phones/", "/devices/"), link(counter)
    counter.post("/lock")
    sign_in(counter, STRANGER)
    if who == "a cashier":
        accept(counter, page)
    elif who == "an owner of another shop":
        counter.post("/shops/new", {"name": "Second"}, then="/")
    assert address not in [form["action"] for form in counter.get("/devices").all("form")]
    counter.post(address, {"label": "Asha’s phone"}, status=403)
    counter.post("/lock")
    come_in(counter, OWNER)
    text = counter.get("/daybook").text
    assert "Asha’s phone" not in text
    assert address in [form["action"] for form in counter.get("/devices").all("form")]
    counter.post(address, {"label": "Counter"}, then="/devices")
    assert "called Counter" in counter.get("/daybook").text


def test_the_menu_offers_nothing_that_asks_for_a_number(counter: Browser, ravis: Browser) -> None:
    offered = ravis.get("/menu").links("/")
    assert not {"/shops", "/devices", "/passkeys"} & set(offered)
    for url in offered:
        assert ravis.raw("GET", url).status_code == 200, url
    ravis.post("/lock")
    take_over(ravis, "Asha", "4071", then="/")
    assert {"/shops", "/devices"} <= set(ravis.get("/menu").links("/"))


def test_the_page_of_a_first_pin_says_why(counter: Browser) -> None:
    counter.post("/lock")
    take_over(counter, "Ravi", "8347", then="/me/pin")
    assert counter.get("/me/pin").all("p")[0].get("class") == "notice"
    counter.post("/me/pin", {"pin": "9260"}, then="/")
    assert counter.get("/me/pin").all("p")[0].get("class") != "notice"


@pytest.mark.parametrize("seconds", ["", "0", "-1", "61", "x", "9" * 30])
def test_a_strange_time_to_lock(owner: Browser, seconds: str) -> None:
    owner.post("/phones", {"lock_seconds": seconds}, status=422)


def test_released_it_is_a_phone_like_any_other(app: Flask, ravis: Browser) -> None:
    away = Browser(app)
    sign_in(away, OWNER)
    (release,) = {form["action"] for form in away.get("/phones").all("form") if form["action"].endswith("release")}
    away.post(release, then="/phones")
    assert ravis.raw("GET", "/").location == "/sign-in", "who came by PIN is out"
    ravis.get("/unlock", status=303)
    assert "no longer a shop" in away.get("/daybook").text


def test_signed_out_from_afar(app: Flask, ravis: Browser) -> None:
    away = Browser(app)
    sign_in(away, OWNER)
    (there,) = {form["action"] for form in away.get("/phones").all("form") if form["action"].endswith("sign-out")}
    away.post(there, then="/phones")
    assert ravis.raw("GET", "/").location == "/unlock"


def test_a_removed_member_is_out_at_once(app: Flask, ravis: Browser) -> None:
    away = Browser(app)
    sign_in(away, OWNER)
    away.post(f"/members/{member_of(ravis, 'Ravi')}/removal", then="/members")
    assert ravis.raw("GET", "/").location == "/unlock"
    assert "Ravi" not in ravis.get("/unlock").text
    with ravis.app.app_context():
        living = (
            sa.select(sa.func.count()).select_from(Session).where(Session.method == "pin", Session.ended_at.is_(None))
        )
        assert db.session.scalar(living) == 0


def test_who_works_by_pin_only_is_no_owner(counter: Browser) -> None:
    page = counter.post(f"/members/{member_of(counter, 'Ravi')}", {"role": "owner"}, status=422)
    assert "needs a number" in page.text


def test_faces(app: Flask, counter: Browser, visitor: Browser, stranger: Browser) -> None:
    counter.post("/me", {"name": "Asha", "lang": "en", "photo": upload(picture())}, then="/menu")
    counter.post("/lock")
    (face,) = [image["src"] for image in counter.get("/unlock").all("img")]
    with counter.raw("GET", face) as answer:
        assert answer.data[:2] == b"\xff\xd8"
    assert stranger.raw("GET", face).status_code == 404
    assert visitor.raw("GET", face).status_code == 404


def test_a_new_device_is_told_to_the_owner(app: Flask, owner: Browser) -> None:
    owner.post("/me", {"name": "Asha", "lang": "en"})
    other = Browser(app, **{"User-Agent": "Mozilla/5.0 (Linux; Android 9)"})
    sign_in(other, OWNER)
    assert "Asha signed in on another device: Android" in owner.get("/").text
    assert "signed in on another device" in owner.get("/daybook").text


def test_the_first_device_is_no_news(owner: Browser) -> None:
    owner.post("/sign-out")
    sign_in(owner, OWNER)
    assert "another device" not in owner.get("/").text


def test_somebody_elses_notice_is_not_put_away(app: Flask, owner: Browser, stranger: Browser) -> None:
    sign_in(Browser(app), OWNER)
    (notice,) = [form["action"] for form in owner.get("/").all("form") if form["action"].startswith("/notices/")]
    stranger.post(notice, status=404)
    assert "another device" in owner.get("/").text


def test_an_invitation_can_be_scanned(owner: Browser) -> None:
    owner.post("/invitations", {"role": "cashier"})
    assert owner.get("/members").all("svg")


def test_the_books_agree_after_it_all(ravis: Browser) -> None:
    ravis.write(ravis.add_party(), "got", "7")
    with ravis.app.app_context(), transaction():
        from khata.accounts.queries import all_shops
        from khata.ledger.verification import differences

        assert [list(differences(shop.id, shop.currency)) for shop in all_shops()] == [[]]
