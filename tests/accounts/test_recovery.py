"""Ways back in: another number, a code on paper, a lost phone, and a shop that gets a new owner."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from khata.accounts import queries, recovery
from khata.accounts.models import Member, Person, Session, SignInCode
from khata.accounts.permissions import ROLES
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.errors import Forbidden, Invalid, NotFound, TooMany
from khata.journal.models import JournalLine
from tests.accounts.conftest import HELPER, accept, link, place
from tests.accounts.test_sign_in import race
from tests.client import Browser, last_code, sign_in

OWNER, NEW, STRANGER = "+919876543210", "+919811100001", "+919812345678"
LATER = timedelta(minutes=16)  # the proof of signing in no longer holds


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def give_number(browser: Browser, phone: str = NEW, **expected: Any) -> str:
    """Give a new number and type the code that it got; the words of the last page."""
    browser.post("/me/number", {"phone": phone}, then="/me/number/code")
    return browser.post("/me/number/code", {"code": last_code(browser, phone)}, **expected).text


def paper(browser: Browser) -> str:
    """Make a recovery code and write it down."""
    page = browser.post("/me/recovery", status=200)
    found = re.search(r'id="recovery-code"[^>]*>([^<]+)<', page.html)
    assert found
    return found[1]


def recover(browser: Browser, phone: str, code: str, **expected: Any) -> str:
    return browser.post("/sign-in/recovery", {"phone": phone, "code": code}, **expected).text


def kinds(app: Flask) -> list[tuple[str, str]]:
    """(kind, facts) of every journal line."""
    with app.app_context(), db.engine.connect() as connection:
        lines = sa.select(JournalLine.kind, JournalLine.payload).order_by(JournalLine.seq)
        return [(row.kind, row.payload) for row in connection.execute(lines)]


def id_of(phone: str) -> UUID:
    """The person with this number."""
    person = queries.person_by_phone(phone)
    assert person is not None
    return person.id


# another number


def test_another_number(app: Flask, owner: Browser) -> None:
    """It works: a code to the new number, and from then on it is the one that opens."""
    assert "/me/number" in owner.get("/me").links("/me/")
    assert "+91 98765 43210" in owner.get("/me/number").text
    give_number(owner, then="/me/number")
    page = owner.get("/me/number")
    assert "From now on you sign in with +91 98111 00001" in page.text
    assert "From now on" not in owner.get("/me/number").text
    assert NEW in owner.get("/me").text
    again = Browser(app)
    sign_in(again, NEW)
    assert "Asha Store" in again.get("/").text
    newcomer = Browser(app)
    sign_in(newcomer, OWNER)
    assert newcomer.location == "/shops/new", "the old number is nobody's now"


def test_the_shops_and_the_old_number_hear_of_it(app: Flask, owner: Browser) -> None:
    owner.post("/shops/new", {"name": "Second Store", "category": "grocery"})
    owner.post("/me", {"name": "Asha", "lang": "hi"})
    give_number(owner)
    told = [facts for kind, facts in kinds(app) if kind == "member.number_changed"]
    assert told == ["{}", "{}"], "a line in each shop, without a number"
    assert "A new number to sign in with" in owner.get("/daybook?lang=en").text
    (text,) = [
        message for message in owner.outbox() if message["to"] == OWNER and not re.search(r"\d{6}", message["body"])
    ]
    assert NEW[3:] not in text["body"]
    assert clock.now().strftime("%Y") in text["body"]
    assert re.search(r"[\u0900-\u097f]", text["body"]), "its day at least is told in the person's language"


def test_the_session_gets_a_new_token(app: Flask, owner: Browser) -> None:
    before = owner.client.get_cookie("khata_session")
    give_number(owner)
    after = owner.client.get_cookie("khata_session")
    assert before
    assert after
    assert before.value != after.value
    thief = Browser(app)
    thief.client.set_cookie("khata_session", before.value)
    thief.get("/me", 303)


def test_signing_out_everywhere_else_is_offered_at_once(app: Flask, owner: Browser) -> None:
    give_number(owner)
    assert not [form for form in owner.get("/me/number").all("form") if form["action"] == "/devices/sign-out"]
    other = Browser(app)
    sign_in(other, NEW)
    give_number(owner, "+919811100002")
    assert [form for form in owner.get("/me/number").all("form") if form["action"] == "/devices/sign-out"]
    other.get("/")
    owner.post("/devices/sign-out")
    other.get("/", 303)
    owner.get("/")


def test_a_number_of_somebody_else_is_refused_to_who_holds_it(app: Flask, owner: Browser, stranger: Browser) -> None:
    """Before the code is typed, a number that has an account is answered like any other."""
    owner.post("/me/number", {"phone": STRANGER}, then="/me/number/code")
    answers = [owner.raw("POST", "/me/number", data={"phone": phone}) for phone in (STRANGER, "+919811100009")]
    assert len({(answer.status_code, answer.location, answer.get_data()) for answer in answers}) == 1
    owner.post("/me/number", {"phone": STRANGER})
    code = last_code(owner, STRANGER)
    assert "an account of its own" in owner.post("/me/number/code", {"code": code}, status=422).text
    with app.app_context(), db.engine.connect() as connection:
        used = sa.select(SignInCode.used_at).where(SignInCode.phone == STRANGER, SignInCode.used_at.is_not(None))
        assert len(connection.execute(used).all()) == 2, "the one of signing in, and this one"
    owner.post("/me/number/code", {"code": code}, then="/me/number")
    assert OWNER in owner.get("/me").text
    assert "Other Store" in stranger.get("/").text
    assert not [kind for kind, _facts in kinds(app) if kind == "member.number_changed"]


def test_my_own_number_needs_no_code(owner: Browser) -> None:
    sent = len(owner.outbox())
    assert "your number already" in owner.post("/me/number", {"phone": "98765 43210"}, status=422).text
    assert len(owner.outbox()) == sent


@pytest.mark.parametrize("typed", ["", "12345", "abc", "9" * 400, "\x00", "+999 1"])
def test_what_is_no_number_is_said(owner: Browser, typed: str) -> None:
    page = owner.post("/me/number", {"phone": typed}, status=422)
    assert [span for span in page.all("span") if span.get("id") == "e-phone"]
    owner.post("/me/number/code", {"code": "123456"}, then="/me/number")


def test_only_the_code_to_the_new_number_counts(owner: Browser) -> None:
    owner.post("/me/number", {"phone": NEW})
    code = last_code(owner, NEW)
    for _try in range(5):
        assert "not the code we sent" in owner.post("/me/number/code", {"code": wrong(code)}, status=422).text
    owner.post("/me/number/code", {"code": code}, status=422)
    assert OWNER in owner.get("/me").text


def test_a_code_for_the_number_expires_and_is_used_once(owner: Browser) -> None:
    start = clock.now()
    with time_machine.travel(start, tick=False) as now:
        owner.post("/me/number", {"phone": NEW})
        code = last_code(owner, NEW)
        now.shift(timedelta(minutes=10))
        assert "no longer holds" in owner.post("/me/number/code", {"code": code}, status=422).text
    give_number(owner, "+919811100002")
    owner.post("/me/number/code", {"code": last_code(owner, "+919811100002")}, then="/me/number")


def test_a_code_asked_for_to_sign_in_changes_no_number(app: Flask, owner: Browser) -> None:
    """Each step keeps its code under a key of its own."""
    owner.post("/sign-in", {"phone": NEW})
    owner.post("/me/number/code", {"code": last_code(owner, NEW)}, then="/me/number")
    owner.post("/proof", then="/proof/code")
    owner.post("/me/number/code", {"code": last_code(owner, OWNER)}, then="/me/number")
    assert OWNER in owner.get("/me").text


@pytest.mark.parametrize("path", ["/me/number", "/me/number/code", "/me/recovery", "/handover"])
def test_it_is_asked_first_who_it_is(owner: Browser, path: str) -> None:
    owner.post("/me/number", {"phone": NEW})
    code = last_code(owner, NEW)
    with time_machine.travel(clock.now() + LATER, tick=True):
        if path != "/me/number/code":
            assert owner.raw("GET", path).location == "/proof"
        assert owner.raw("POST", path, data={"phone": NEW, "code": code}).location == "/proof"
    assert OWNER in owner.get("/me").text


def test_a_new_number_that_two_take_at_once_is_one_persons(app: Flask, owner: Browser, stranger: Browser) -> None:
    with app.app_context():
        persons = [id_of(OWNER), id_of(STRANGER)] * 3

    def take() -> str:
        person_id = persons.pop()
        try:
            with transaction():
                recovery.change_number(person_id, None, NEW)
        except recovery.NumberTaken as taken:
            return taken.code
        return str(person_id)

    results = race(app, 6, take)
    assert len(results) == 6, "nothing worse than a refusal"
    assert len(set(results) - {"number_taken"}) == 1
    assert results.count("number_taken") == 3


def test_a_new_number_and_a_sign_in_with_it_at_once(app: Flask, owner: Browser) -> None:
    """Whoever comes second finds the number taken; nobody gets a fault, and nobody's number stands twice."""
    from khata.accounts import actions, codes

    with app.app_context():
        person_id = id_of(OWNER)
    turns = [True, False, True, False]

    def come() -> str:
        with transaction():
            if turns.pop():
                codes.use_code(NEW, None, "000000")
                return str(actions.person_for(NEW, "en", {}).id)
            try:
                recovery.change_number(person_id, None, NEW)
            except recovery.NumberTaken:
                return "taken"
            return str(person_id)

    results = race(app, 4, come)
    assert len(results) == 4
    assert len(set(results) - {"taken"}) == 1


# the code on paper


def test_the_paper_opens_when_phone_and_number_are_lost(app: Flask, owner: Browser) -> None:
    """It works: old number and code, everything else is signed out, and the new number is asked for."""
    party = owner.add_party("Ramesh")
    code = paper(owner)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}", code)
    new_phone = Browser(app)
    assert "/sign-in/recovery" in new_phone.get("/sign-in").links("/sign-in/")
    new_phone.get("/sign-in/recovery")
    recover(new_phone, OWNER, code, then="/me/number")
    owner.get("/", 303)
    assert "signed out everywhere else" in new_phone.get("/me/number").text
    give_number(new_phone, then="/me/number")
    new_phone.get(party)
    assert {kind for kind, _facts in kinds(app)} >= {
        "member.recovery_code",
        "member.recovered",
        "member.number_changed",
    }
    again = Browser(app)
    recover(again, NEW, code, status=422)


def test_who_came_by_paper_may_take_their_time(app: Flask, owner: Browser) -> None:
    """They have no number to prove anything with; for everything else of weight they do not count as proven."""
    code, browser = paper(owner), Browser(app)
    recover(browser, OWNER, code)
    with time_machine.travel(clock.now() + timedelta(days=2), tick=True):
        assert browser.raw("GET", "/me/recovery").location == "/proof"
        give_number(browser, then="/me/number")
        browser.get("/me/recovery")
    with time_machine.travel(clock.now() + timedelta(days=3), tick=True):
        assert browser.raw("GET", "/me/number").location == "/proof", "given once, it is a session like any other"


@pytest.mark.parametrize(
    "spell",
    [
        lambda code: code.lower(),
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " – "),
        lambda code: " " + " ".join(code) + "\u200b",
        lambda code: code.replace("0", "O").replace("1", "l"),
        lambda code: code.replace("0", "o").replace("1", "I"),
        lambda code: "".join(chr(0x966 + int(char)) if char.isdigit() else char for char in code),
        lambda code: "".join(chr(ord(char) + 0xFEE0) for char in code),
    ],
)
def test_a_code_as_people_type_it(app: Flask, owner: Browser, spell: Callable[[str], str]) -> None:
    code = paper(owner)
    recover(Browser(app), "98765 43210", spell(code), then="/me/number")


@given(st.text(max_size=60))
def test_any_text_is_read_as_some_code(typed: str) -> None:
    assert len(recovery.hash_of(typed)) == 32
    assert recovery.hash_of(typed.upper()) == recovery.hash_of(f" {typed.upper()}-")


def test_a_code_has_more_random_bits_than_a_plain_hash_needs(context: Flask, owner: Browser) -> None:
    with transaction():
        person_id = id_of(OWNER)
        codes = {recovery.make_code(person_id, None) for _time in range(200)}
    assert len(codes) == 200
    assert {char for code in codes for char in code} == {*recovery.ALPHABET, "-"}
    assert len(recovery.ALPHABET) ** recovery.LENGTH == 2**125


def test_only_its_hash_is_kept_and_it_is_shown_once(app: Flask, owner: Browser) -> None:
    answer = owner.raw("POST", "/me/recovery")
    assert answer.headers["Cache-Control"] == "no-store"
    code = paper(owner)
    for url in ("/me/recovery", "/me", "/daybook", "/menu"):
        assert code not in owner.get(url).html
    assert "You have a code" in owner.get("/me/recovery").text
    with app.app_context(), db.engine.connect() as connection:
        kept = connection.execute(sa.select(Person.recovery_hash)).scalar_one()
        assert kept == recovery.hash_of(code)
        assert code not in repr(kinds(app))


def test_with_a_new_code_goes_the_offer_to_sign_out_elsewhere(app: Flask, owner: Browser) -> None:
    def offers() -> bool:
        page = owner.post("/me/recovery", status=200)
        return "/devices/sign-out" in {form["action"] for form in page.all("form")}

    assert not offers()
    sign_in(Browser(app), OWNER)
    assert offers()


def test_a_new_code_ends_the_one_before(app: Flask, owner: Browser) -> None:
    first, second = paper(owner), paper(owner)
    recover(Browser(app), OWNER, first, status=422)
    recover(Browser(app), OWNER, second, then="/me/number")


def test_wrong_number_and_wrong_code_are_answered_alike(app: Flask, owner: Browser, stranger: Browser) -> None:
    code = paper(owner)
    other = Browser(app)
    tries = [
        (OWNER, "00000-00000-00000-00000-00000"),
        (OWNER, ""),
        (OWNER, "x" * 5000),
        (STRANGER, code),  # has an account, but no such code
        ("+919811100001", code),  # has none
    ]
    said = set()
    for phone, typed in tries:
        page = other.post("/sign-in/recovery", {"phone": phone, "code": typed}, status=422)
        said.add(re.sub(r'value="[^"]*"', "", page.html))
    assert len(said) == 1
    owner.get("/")
    recover(other, OWNER, code, then="/me/number")


def test_who_has_no_code_is_opened_by_none(app: Flask, owner: Browser) -> None:
    for typed in ("", "0", "0" * 20, "\x00" * 32, "None"):
        recover(Browser(app), OWNER, typed, status=422)


def test_a_code_on_paper_opens_once_in_a_race(app: Flask, owner: Browser) -> None:
    code = paper(owner)

    def use() -> bool:
        with transaction():
            return recovery.use_code(OWNER, code, "::1") is not None

    assert sorted(race(app, 6, use)) == [False] * 5 + [True]


def test_a_flood_of_tries_is_stopped(app: Flask, owner: Browser, visitor: Browser) -> None:
    code = paper(owner)
    with time_machine.travel(clock.now(), tick=False) as now:
        for _time in range(20):
            recover(visitor, OWNER, "nothing", status=422)
        assert "Too many tries" in recover(visitor, OWNER, code, status=429)
        elsewhere = {"environ_overrides": {"REMOTE_ADDR": "198.51.100.7"}}
        sent = visitor.raw("POST", "/sign-in", data={"phone": OWNER}, **elsewhere)
        assert sent.status_code == 303, "signing in by code is none the worse for it"
        now.shift(timedelta(minutes=61))
        recover(visitor, OWNER, code, then="/me/number")


def test_tries_at_one_number_are_counted_over_all_addresses(context: Flask, owner: Browser) -> None:
    with transaction():
        for number in range(30):
            assert recovery.use_code(OWNER, "nothing", f"198.51.{number}.7") is None
    with pytest.raises(TooMany), transaction():
        recovery.use_code(OWNER, "nothing", "203.0.113.9")
    with transaction():
        assert recovery.use_code(STRANGER, "nothing", "203.0.113.9") is None


def test_a_counted_try_is_no_code(app: Flask, visitor: Browser) -> None:
    """It stands among the codes; it opens nothing, and takes nobody's place among the codes sent."""
    recover(visitor, NEW, "nothing", status=422)
    with app.app_context(), db.engine.connect() as connection:
        row = connection.execute(sa.select(SignInCode.__table__)).one()
    assert row.expires_at <= clock.now()
    for _time in range(3):
        visitor.post("/sign-in", {"phone": NEW}, then="/sign-in/code")


def test_a_pin_makes_no_paper_and_changes_no_number(owner: Browser) -> None:
    owner.post("/me", {"name": "Asha", "lang": "en"})
    owner.post("/me/pin", {"pin": "4071"})
    owner.post("/phones", {"lock_seconds": "300"})
    owner.post("/lock")
    member = owner.get("/unlock").all("input")[0]["value"]
    owner.post("/unlock", {"member": member, "pin": "4071"}, then="/")
    form = {"phone": NEW, "code": "123456"}
    for path in ("/me/number", "/me/recovery", "/handover"):
        assert owner.raw("GET", path).location == "/proof", path
    for path in ("/me/number", "/me/number/code", "/me/recovery", "/handover"):
        answer = owner.raw("POST", path, data=form)
        assert (answer.status_code, answer.location) == (303, "/proof"), path
    for path in ("/invitations", place(owner, OWNER)):
        assert owner.raw("POST", path, data={"role": "owner"}).location == "/proof", (
            "by PIN alone nobody makes an owner"
        )
    owner.post("/invitations", {"role": "cashier"}, then="/members")


# the phone is lost, the number is not


def test_a_lost_phone_is_signed_out_from_the_new_one(app: Flask, owner: Browser) -> None:
    lost, found = owner, Browser(app, **{"User-Agent": "Mozilla/5.0 (iPhone)"})
    sign_in(found, OWNER)
    notices = found.get("/")
    assert "signed in on another device" in notices.text, "and the owner hears of a new device"
    assert "/devices" in notices.links("/devices")
    forms = [form["action"] for form in found.get("/devices").all("form")]
    (there,) = [action for action in forms if re.fullmatch(r"/devices/[0-9a-f-]{36}/sign-out", action)]
    lost.get("/")
    found.post(there, then="/devices")
    lost.get("/", 303)
    found.get("/")


# another owner


def heir_of(owner: Browser, phone: str = HELPER) -> str:
    return place(owner, phone).rpartition("/")[2]


def test_the_shop_goes_to_another_owner(app: Flask, owner: Browser, hire: Callable[..., Browser]) -> None:
    heir = hire("cashier")
    heir.post("/me", {"name": "Ravi", "lang": "en"})
    assert "/handover" in owner.get("/members").links("/handover")
    assert "Ravi" in owner.get("/handover").text
    form = {"heir": heir_of(owner), "become": "accountant", "sure": "1"}
    owner.post("/handover", form, then="/menu")
    owner.get("/members", 403)
    owner.get("/shops/settings", 403)
    owner.post("/handover", form, status=403)
    assert "Accountant" in heir.get("/members").text
    heir.get("/shops/settings")
    assert "handed over to Ravi" in heir.get("/daybook?kind=shop").text
    assert [kind for kind, _facts in kinds(app)].count("shop.handed_over") == 1


def test_who_leaves_is_out(app: Flask, owner: Browser, hire: Callable[..., Browser]) -> None:
    heir, party = hire("manager"), owner.add_party("Ramesh")
    other = Browser(app)
    sign_in(other, OWNER)
    owner.post("/handover", {"heir": heir_of(owner), "become": "leave", "sure": "1"}, then="/shops")
    assert owner.raw("GET", party).location == "/shops/new"
    assert other.raw("GET", party).location == "/shops/new"
    heir.get("/members")
    assert OWNER not in heir.get("/members").text


def test_alone_one_is_told_to_invite_an_owner(app: Flask, owner: Browser) -> None:
    page = owner.get("/handover")
    assert "Invite somebody as owner" in page.text
    assert not [form for form in page.all("form") if form["action"] == "/handover"]
    partner = Browser(app)
    sign_in(partner, HELPER)
    accept(partner, link(owner, "owner"))
    partner.get("/handover")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"heir": "me"},
        {"heir": "nobody"},
        {"heir": "x' OR 1"},
        {"become": "owner"},
        {"become": "king"},
        {"sure": ""},
        {"heir": ""},
    ],
)
def test_a_wrong_handover_changes_nothing(owner: Browser, hire: Callable[..., Browser], form: dict[str, str]) -> None:
    hire("cashier")
    ids = {"me": heir_of(owner, OWNER), "nobody": str(new_id())}
    typed = {"heir": heir_of(owner), "become": "manager", "sure": "1", **form} if form else {}
    typed["heir"] = ids.get(typed.get("heir", ""), typed.get("heir", ""))
    page = owner.post("/handover", typed, status=422)
    assert [span for span in page.all("span") if span.get("class") == "err"]
    owner.get("/members")


def test_nobody_hands_a_shop_to_somebody_of_another(
    owner: Browser, stranger: Browser, hire: Callable[..., Browser]
) -> None:
    hire("cashier")
    theirs = heir_of(stranger, STRANGER)
    owner.post("/handover", {"heir": theirs, "become": "leave", "sure": "1"}, status=422)
    owner.get("/members")
    stranger.get("/members")


def test_who_works_by_pin_only_is_no_heir(owner: Browser) -> None:
    owner.post("/members", {"name": "Mina", "pin": "8347", "role": "cashier", "lang": "en"}, then="/members")
    assert "Mina" not in owner.get("/handover").text
    with owner.app.app_context():
        (mina,) = [one for one in _members() if one.role == "cashier"]
        with pytest.raises(Invalid, match="owner_without_number"), transaction():
            recovery.hand_over(_actor("owner"), mina.id, "leave")


def _members() -> list[Any]:
    with db.engine.connect() as connection:
        return list(connection.execute(sa.select(Member.__table__)))


def _actor(role: str) -> Actor:
    (row,) = [one for one in _members() if one.role == role]
    return Actor(row.shop_id, row.id)


def test_only_an_owner_hands_over_or_makes_an_owner(owner: Browser, hire: Callable[..., Browser]) -> None:
    """Even who may manage members."""
    manager = hire("manager")
    me = place(owner)
    owner.post(me, {"role": "manager", "may": ["members", *ROLES["cashier"]]})
    assert "Hand over" not in manager.get("/members").text
    owners = place(owner, OWNER)
    manager.get("/handover", 403)
    manager.post("/handover", {"heir": heir_of(owner), "become": "leave", "sure": "1"}, status=403)
    manager.post(me, {"role": "owner"}, status=403)
    manager.post("/invitations", {"role": "owner"}, status=403)
    manager.post(owners, {"role": "cashier"}, status=403)
    manager.post(f"{owners}/removal", status=403)
    manager.post(f"{owners}/pin", {"pin": "8347"}, status=403)
    manager.post("/invitations", {"role": "cashier"}, then="/members")
    owner.get("/members")


def test_an_owner_is_made_by_who_shows_who_they_are(owner: Browser, hire: Callable[..., Browser]) -> None:
    hire("cashier")
    with time_machine.travel(clock.now() + LATER, tick=True):
        assert owner.raw("POST", place(owner), data={"role": "owner"}).location == "/proof"
        assert owner.raw("POST", "/invitations", data={"role": "owner"}).location == "/proof"
        owner.post(place(owner), {"role": "manager"}, then="/members")
        assert (
            "Owner" not in re.sub(r"<select.*?</select>", "", owner.get("/members").html, flags=re.S).split(HELPER)[1]
        )


def test_two_owners_who_leave_at_once_leave_one(app: Flask, owner: Browser, hire: Callable[..., Browser]) -> None:
    """Each hands the shop to the other: the second finds that the first is gone."""
    hire("owner")
    with app.app_context():
        first, second = (Actor(one.shop_id, one.id) for one in _members())
    turns = [(first, second), (second, first)]

    def leave() -> str:
        actor, heir = turns.pop()
        try:
            with transaction():
                recovery.hand_over(actor, heir.member_id or new_id(), "leave")
        except NotFound:
            return "gone"
        return "left"

    assert sorted(race(app, 2, leave)) == ["gone", "left"]
    with app.app_context():
        assert [(one.role, one.removed_at is None) for one in _members()].count(("owner", True)) == 1


def test_a_handover_sent_twice_is_one(app: Flask, owner: Browser, hire: Callable[..., Browser]) -> None:
    hire("cashier")
    with app.app_context():
        actor, heir = _actor("owner"), _actor("cashier").member_id

        def again() -> str:
            try:
                with transaction():
                    recovery.hand_over(actor, heir or new_id(), "manager")
            except Forbidden:
                return "no owner"
            return "done"

    assert sorted(race(app, 4, again)) == ["done", "no owner", "no owner", "no owner"]
    assert [kind for kind, _facts in kinds(app)].count("shop.handed_over") == 1


def test_recovery_ends_every_other_session(app: Flask, owner: Browser) -> None:
    code = paper(owner)
    others = [Browser(app) for _number in range(2)]
    for other in others:
        sign_in(other, OWNER)
    browser = Browser(app)
    recover(browser, OWNER, code)
    for other in (owner, *others):
        other.get("/me", 303)
    with app.app_context(), db.engine.connect() as connection:
        (row,) = connection.execute(sa.select(Session.__table__).where(Session.ended_at.is_(None)))
    assert row.method == "recovery"
