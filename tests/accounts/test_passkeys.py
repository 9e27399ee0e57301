"""Passkeys: added, used to sign in and as proof, removed; and whatever a phone may answer that proves nothing."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import brotli
import cbor2
import pytest
import sqlalchemy as sa
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from khata.accounts import passkeys, queries
from khata.accounts.models import Device, Passkey, Person, Session
from khata.accounts.passkeys import Challenge, Expired, Refused, Site, site_of
from khata.core import clock
from khata.core.db import db, transaction
from khata.errors import Invalid
from khata.journal.models import JournalLine
from khata.web.assets import DIST
from tests.accounts.authenticator import PRESENT, VERIFIED, Authenticator, Key, to_bytes, to_text
from tests.client import Browser, Page, sign_in
from tests.factories import change_row

OWNER = "+919876543210"
ASKED, MADE = "/passkeys/challenge", "/passkeys/new/challenge"
SIGN_IN, PROOF = "/sign-in/passkey", "/proof/passkey"


def options(browser: Browser, url: str = ASKED) -> dict[str, Any]:
    """What the page's button is told, as it is tapped."""
    answer = browser.raw("GET", url)
    assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.location
    assert "no-store" in answer.headers["Cache-Control"]
    given: dict[str, Any] = answer.get_json()
    return given


def add(browser: Browser, phone: Authenticator, label: str = "Asha’s phone") -> None:
    browser.post("/passkeys", {"label": label, "answer": phone.create(options(browser, MADE))}, then="/passkeys")


def enter(browser: Browser, phone: Authenticator, **expected: Any) -> Page:
    return browser.post(SIGN_IN, {"answer": phone.get(options(browser))}, **expected)


def refused(page: Page) -> str:
    """What stands at the button; a page that says nothing fails."""
    sentence = re.search(r'<span class="err" role="alert">([^<]+)</span>', page.html)
    assert sentence, page.text
    return sentence[1]


def after(**time: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**time), tick=True)


def session_row(browser: Browser) -> Any:
    with browser.app.app_context(), db.engine.connect() as connection:
        return connection.execute(sa.select(Session.__table__).where(Session.ended_at.is_(None))).one()


def passkey_ids(browser: Browser) -> list[str]:
    return re.findall(r'action="/passkeys/([0-9a-f-]{36})/removal"', browser.get("/passkeys").html)


@pytest.fixture
def phone(owner: Browser) -> Authenticator:
    """The owner's phone, which holds a passkey of theirs."""
    authenticator = Authenticator()
    add(owner, authenticator)
    return authenticator


def test_it_works(app: Flask, owner: Browser, phone: Authenticator) -> None:
    owner.post("/sign-out")
    sent = len(owner.outbox())
    enter(owner, phone, then="/")
    assert "Asha Store" in owner.get("/").text
    assert len(owner.outbox()) == sent, "no code was sent"
    row = session_row(owner)
    assert (row.method, row.proved_at == row.created_at) == ("passkey", True)
    assert phone.keys[0].user == row.person_id.bytes


def test_on_a_browser_that_nobody_was_signed_in_on(visitor: Browser, phone: Authenticator) -> None:
    enter(visitor, phone, then="/")
    assert visitor.client.get_cookie("khata_device") is not None


def test_signing_in_ends_the_session_before(app: Flask, owner: Browser, phone: Authenticator) -> None:
    before = owner.client.get_cookie("khata_session")
    assert before is not None
    enter(owner, phone)
    thief = Browser(app)
    thief.client.set_cookie("khata_session", before.value)
    thief.get("/", status=303)


def test_the_shop_that_was_open_is_open_again(owner: Browser, phone: Authenticator) -> None:
    owner.post("/shops/new", {"name": "Zebra Store", "category": "milk"})
    owner.post("/sign-out")
    enter(owner, phone, then="/")
    assert "Zebra Store" in owner.get("/").text
    (other,) = [form["action"] for form in owner.get("/shops").all("form") if form["action"].endswith("/current")]
    owner.post(other)
    owner.post("/sign-out")
    enter(owner, phone, then="/")
    assert "Asha Store" in owner.get("/").text


def test_an_invitation_is_not_forgotten(visitor: Browser, owner: Browser, open_shop: Callable[..., Browser]) -> None:
    helper, phone = open_shop("+919812300077"), Authenticator()
    add(helper, phone)
    owner.post("/invitations", {"role": "cashier"})
    (link,) = owner.get("/members").links("http://localhost/invitations/")
    visitor.get(link)
    enter(visitor, phone, then=link.removeprefix("http://localhost"))


def test_the_list(owner: Browser, phone: Authenticator) -> None:
    add(owner, Authenticator(), "Shop’s tablet")
    page = owner.get("/passkeys")
    assert "Asha’s phone" in page.text
    assert "Shop’s tablet" in page.text
    assert page.text.count("Not used yet") == 2
    enter(owner, phone)
    assert owner.get("/passkeys").text.count("Not used yet") == 1


def test_after_a_change_others_can_be_signed_out(app: Flask, owner: Browser, phone: Authenticator) -> None:
    other = Browser(app)
    sign_in(other, OWNER)
    assert "/devices/sign-out" in [form["action"] for form in owner.get("/passkeys").all("form")]
    owner.post("/devices/sign-out")
    other.get("/", status=303)
    owner.get("/")


def test_the_same_phone_is_not_asked_twice(owner: Browser, phone: Authenticator) -> None:
    excluded = options(owner, MADE)["excludeCredentials"]
    assert [to_bytes(known["id"]) for known in excluded] == [phone.keys[0].id]


def test_a_removed_one_opens_nothing(owner: Browser, phone: Authenticator) -> None:
    (passkey_id,) = passkey_ids(owner)
    owner.post(f"/passkeys/{passkey_id}/removal", then="/passkeys")
    assert not passkey_ids(owner)
    owner.post("/sign-out")
    assert "did not work" in refused(enter(owner, phone, status=422))
    owner.get("/", status=303)


def test_only_the_one_that_was_meant_is_removed(owner: Browser, visitor: Browser, phone: Authenticator) -> None:
    tablet = Authenticator()
    add(owner, tablet)
    first, second = passkey_ids(owner)
    owner.post(f"/passkeys/{second}/removal")
    assert passkey_ids(owner) == [first]
    refused(enter(visitor, tablet, status=422))
    enter(visitor, phone, then="/")


def test_nobody_removes_somebody_elses(owner: Browser, stranger: Browser, phone: Authenticator) -> None:
    add(stranger, Authenticator())
    (passkey_id,) = passkey_ids(owner)
    stranger.post(f"/passkeys/{passkey_id}/removal", status=404)
    assert passkey_ids(owner) == [passkey_id]


def test_every_shop_hears_of_it(owner: Browser) -> None:
    owner.post("/shops/new", {"name": "Second Store", "category": "milk"})
    add(owner, Authenticator())
    owner.post(f"/passkeys/{passkey_ids(owner)[0]}/removal")
    with owner.app.app_context(), db.engine.connect() as connection:
        lines = connection.execute(
            sa.select(JournalLine.shop_id, JournalLine.kind, JournalLine.device_id).where(
                JournalLine.kind.like("member.passkey%")
            )
        ).all()
    assert sorted(line.kind for line in lines) == ["member.passkey_added"] * 2 + ["member.passkey_removed"] * 2
    assert len({line.shop_id for line in lines}) == 2
    assert all(line.device_id for line in lines)
    told = owner.get("/daybook").text
    assert "Fingerprint sign-in added: Asha’s phone" in told
    assert "Fingerprint sign-in removed: Asha’s phone" in told


def test_without_a_shop(visitor: Browser) -> None:
    phone = Authenticator()
    sign_in(visitor, "+919876500077")
    add(visitor, phone)
    visitor.post("/sign-out")
    enter(visitor, phone, then="/shops/new")


@pytest.mark.parametrize("label", ["", "   ", "x" * 200])
def test_a_bad_name_is_refused(owner: Browser, label: str) -> None:
    page = owner.post("/passkeys", {"label": label, "answer": Authenticator().create(options(owner, MADE))}, status=422)
    assert 'id="e-label"' in page.html
    assert not passkey_ids(owner)


def test_twenty_are_enough(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "MOST", 2)
    for _number in range(2):
        add(owner, Authenticator())
    answer = Authenticator().create(options(owner, MADE))
    assert "many of these" in refused(owner.post("/passkeys", {"label": "One more", "answer": answer}, status=422))


def test_who_works_by_pin_only_has_none(owner: Browser) -> None:
    answer = Authenticator().create(options(owner, MADE))
    with owner.app.app_context():
        change_row("UPDATE people SET phone = NULL WHERE phone = :phone", phone=OWNER)
    assert not owner.get("/menu").links("/passkeys")
    assert owner.raw("GET", MADE).status_code == 403
    owner.post("/passkeys", {"label": "Mine", "answer": answer}, status=403)
    assert not passkey_ids(owner)


def test_who_came_by_pin_shows_first_who_they_are(owner: Browser, phone: Authenticator) -> None:
    owner.post("/me/pin", {"pin": "4071"})
    owner.post("/phones", {"lock_seconds": "300"})
    owner.post("/lock")
    (face,) = (field["value"] for field in owner.get("/unlock").all("input") if field.get("name") == "member")
    owner.post("/unlock", {"member": face, "pin": "4071"}, then="/")
    owner.post("/passkeys", {"label": "Mine", "answer": "x"}, then="/proof")
    assert owner.raw("GET", "/passkeys").location == "/proof"
    owner.post(PROOF, {"answer": phone.get(options(owner))}, then="/passkeys")
    owner.get("/passkeys")


# as proof


def test_proof(owner: Browser, phone: Authenticator) -> None:
    before = session_row(owner)
    with after(minutes=16):
        assert owner.raw("GET", "/passkeys/new").location == "/proof"
        assert PROOF in [form["action"] for form in owner.get("/proof").all("form")]
        given = options(owner)
        assert [to_bytes(known["id"]) for known in given["allowCredentials"]] == [phone.keys[0].id]
        owner.post(PROOF, {"answer": phone.get(given)}, then="/passkeys/new")
        owner.get("/passkeys/new")
        row = session_row(owner)
    assert row.method == "passkey"
    assert row.token_hash != before.token_hash, "the rights rose, so the token is new"


@pytest.mark.parametrize("path", ["/passkeys", "/passkeys/{id}/removal", "/me/lock"])
def test_changes_ask_for_proof(owner: Browser, phone: Authenticator, path: str) -> None:
    path = path.format(id=passkey_ids(owner)[0])
    with after(minutes=16):
        owner.post(path, {"label": "Mine", "lock_seconds": "60"}, then="/proof")
    assert len(passkey_ids(owner)) == 1


def test_without_a_passkey_proof_does_not_offer_it(owner: Browser) -> None:
    assert PROOF not in [form["action"] for form in owner.get("/proof").all("form")]


def test_somebody_elses_passkey_is_no_proof(owner: Browser, stranger: Browser, phone: Authenticator) -> None:
    with after(minutes=16):
        refused(stranger.post(PROOF, {"answer": phone.get(options(stranger))}, status=422))
        assert stranger.raw("GET", "/passkeys/new").location == "/proof"


def test_a_phone_may_leave_out_whose_it_is_where_we_know(owner: Browser, phone: Authenticator) -> None:
    with after(minutes=16):
        answer = json.loads(phone.get(options(owner)))
        answer["response"].pop("userHandle")
        owner.post(PROOF, {"answer": json.dumps(answer)})
    assert owner.location != "/proof"


# what proves nothing


def spoiled(answer: str, part: str, change: Callable[[bytes], bytes]) -> str:
    """The answer with one of its parts changed."""
    content = json.loads(answer)
    content["response"][part] = to_text(change(to_bytes(content["response"][part])))
    return json.dumps(content)


FAULTS: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "http://evil.example"},
    "another port": {"origin": "http://localhost:8001"},
    "another scheme": {"origin": "https://localhost"},
    "another name": {"rp_id": "evil.example"},
    "nobody verified": {"flags": PRESENT},
    "nobody there": {"flags": VERIFIED},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_phone_that_says_something_else(visitor: Browser, phone: Authenticator, fault: str) -> None:
    for name, value in FAULTS[fault].items():
        setattr(phone, name, value)
    refused(enter(visitor, phone, status=422))
    visitor.get("/", status=303)


@pytest.mark.parametrize("fault", FAULTS)
def test_nor_is_its_passkey_added(owner: Browser, fault: str) -> None:
    answer = Authenticator(**FAULTS[fault]).create(options(owner, MADE))
    refused(owner.post("/passkeys", {"label": "Mine", "answer": answer}, status=422))
    assert not passkey_ids(owner)


def test_an_unknown_passkey(visitor: Browser, phone: Authenticator) -> None:
    phone.keys = [Key("localhost", phone.keys[0].user)]
    refused(enter(visitor, phone, status=422))


def test_another_key_under_a_known_id(visitor: Browser, phone: Authenticator) -> None:
    phone.keys = [Key("localhost", phone.keys[0].user, id=phone.keys[0].id)]
    refused(enter(visitor, phone, status=422))


@pytest.mark.parametrize("user", [b"", b"nobody", bytes(16)])
def test_it_must_say_whose_it_is(visitor: Browser, phone: Authenticator, user: bytes) -> None:
    phone.keys[0].user = user
    refused(enter(visitor, phone, status=422))


def test_it_may_not_leave_out_whose_it_is(visitor: Browser, phone: Authenticator) -> None:
    answer = json.loads(phone.get(options(visitor)))
    answer["response"].pop("userHandle")
    refused(visitor.post(SIGN_IN, {"answer": json.dumps(answer)}, status=422))


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
def test_a_spoiled_part(visitor: Browser, phone: Authenticator, part: str) -> None:
    answer = spoiled(phone.get(options(visitor)), part, lambda content: content[:-1] + bytes([content[-1] ^ 1]))
    refused(visitor.post(SIGN_IN, {"answer": answer}, status=422))


@pytest.mark.parametrize(("before", "now", "taken"), [(0, 0, True), (3, 4, True), (3, 3, False), (3, 0, False)])
def test_the_count_never_goes_back(owner: Browser, visitor: Browser, before: int, now: int, taken: bool) -> None:
    phone = Authenticator(count=before)
    add(owner, phone)
    phone.count = now
    if taken:
        enter(visitor, phone, then="/")
    else:
        refused(enter(visitor, phone, status=422))


def test_the_last_count_is_remembered(owner: Browser, visitor: Browser) -> None:
    phone = Authenticator(count=3)
    add(owner, phone)
    phone.count = 9
    enter(visitor, phone, then="/")
    phone.count = 8
    refused(enter(visitor, phone, status=422))


def test_after_a_refusal_there_is_a_new_challenge(visitor: Browser, phone: Authenticator) -> None:
    answer = phone.get(options(visitor))
    refused(visitor.post(SIGN_IN, {"answer": "{}"}, status=422))
    assert "too long" in refused(visitor.post(SIGN_IN, {"answer": answer}, status=422))


def test_an_answer_is_used_once(owner: Browser, visitor: Browser, phone: Authenticator) -> None:
    """Not even together with the cookie that it was asked for with: whoever copied both gets nothing."""
    answer = phone.get(options(visitor))
    cookie = visitor.client.get_cookie("khata_visit")
    assert cookie is not None
    visitor.post(SIGN_IN, {"answer": answer}, then="/")
    visitor.post("/sign-out")
    assert "too long" in refused(visitor.post(SIGN_IN, {"answer": answer}, status=422))
    visitor.client.set_cookie("khata_visit", cookie.value)
    assert "did not work" in refused(visitor.post(SIGN_IN, {"answer": answer}, status=422))
    owner.get("/")
    with after(minutes=16):
        owner.client.set_cookie("khata_visit", cookie.value)
        refused(owner.post(PROOF, {"answer": answer}, status=422))


def test_an_older_challenge_is_not_taken_after_a_newer(visitor: Browser, phone: Authenticator) -> None:
    older = phone.get(options(visitor))
    cookie = visitor.client.get_cookie("khata_visit")
    assert cookie is not None
    enter(visitor, phone, then="/")
    visitor.post("/sign-out")
    visitor.client.set_cookie("khata_visit", cookie.value)
    refused(visitor.post(SIGN_IN, {"answer": older}, status=422))


def test_an_answer_is_used_once_in_a_race(app: Flask, phone: Authenticator, context: Flask) -> None:
    challenge, site = passkeys.new_challenge(), Site("localhost", "http://localhost")
    answer = phone.get(json.loads(passkeys.asking(site, challenge, None)))
    db.session.rollback()
    results: list[bool] = []
    gate = threading.Barrier(5)

    def use() -> None:
        with app.app_context():
            gate.wait(10)
            try:
                with transaction():
                    passkeys.use(site, challenge, answer)
                results.append(True)
            except Refused:
                results.append(False)

    threads = [threading.Thread(target=use) for _number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == [False] * 4 + [True]


def test_five_minutes(owner: Browser, visitor: Browser, phone: Authenticator) -> None:
    answer = phone.get(options(visitor))
    made = Authenticator().create(options(owner, MADE))
    with after(minutes=5, seconds=1):
        assert "too long" in refused(visitor.post(SIGN_IN, {"answer": answer}, status=422))
        assert "too long" in refused(owner.post("/passkeys", {"label": "Mine", "answer": made}, status=422))
        enter(visitor, phone, then="/")


def test_a_challenge_from_the_future(context: Flask) -> None:
    with pytest.raises(Expired):
        passkeys.use(Site("localhost", "http://localhost"), Challenge(b"x", clock.now() + timedelta(minutes=1)), "{}")


def test_another_browsers_challenge(app: Flask, visitor: Browser, phone: Authenticator) -> None:
    answer = phone.get(options(visitor))
    other = Browser(app)
    refused(other.post(SIGN_IN, {"answer": answer}, status=422))
    options(other)
    refused(other.post(SIGN_IN, {"answer": answer}, status=422))


def test_what_was_made_is_no_answer_to_what_is_asked(owner: Browser, visitor: Browser) -> None:
    phone = Authenticator()
    made = phone.create(options(owner, MADE))
    refused(owner.post(SIGN_IN, {"answer": made}, status=422))
    asked = phone.get(options(owner))
    refused(owner.post("/passkeys", {"label": "Mine", "answer": asked}, status=422))


def test_a_credential_belongs_to_one_person(owner: Browser, stranger: Browser, phone: Authenticator) -> None:
    answer = Authenticator().create(options(stranger, MADE), phone.keys[0])
    refused(stranger.post("/passkeys", {"label": "Mine", "answer": answer}, status=422))
    assert not passkey_ids(stranger)
    assert len(passkey_ids(owner)) == 1


POINT = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()


@pytest.mark.parametrize(
    "key",
    [
        {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes([1]) * 32},
        {1: 2, 3: -7, -1: 1},
        {1: 2, 3: -36, -1: 1, -2: POINT.x.to_bytes(32, "big"), -3: POINT.y.to_bytes(32, "big")},
        {1: 3, 3: -65535, -1: bytes(256), -2: b"\1\0\1"},
        {},
        "a key",
        7,
    ],
    ids=["not on the curve", "no point", "ES512", "RS1", "empty", "text", "number"],
)
def test_a_key_that_could_never_sign(owner: Browser, monkeypatch: pytest.MonkeyPatch, key: Any) -> None:
    phone = Authenticator()
    monkeypatch.setattr(phone, "public_key", lambda _key: cbor2.dumps(key))
    answer = phone.create(options(owner, MADE))
    refused(owner.post("/passkeys", {"label": "Mine", "answer": answer}, status=422))
    assert not passkey_ids(owner)


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("packed", {"alg": -7, "sig": b"x"}),
        ("packed", {"alg": -7, "sig": b"x", "x5c": [7]}),
        ("fido-u2f", {"sig": b"x", "x5c": [b"7"]}),
        ("tpm", {"ver": "2.0", "alg": -7, "x5c": [b"7"], "sig": b"x", "certInfo": b"x", "pubArea": b"x"}),
        ("android-safetynet", {"ver": "2.0", "response": 7}),
        ("android-safetynet", {"ver": "2.0", "response": b"a.b.c"}),
        ("apple", {"x5c": 7}),
        ("none", {"sig": b"x"}),
        ("other", {}),
        (7, {}),
    ],
)
def test_a_maker_that_vouches_for_nothing(owner: Browser, kind: Any, statement: Any) -> None:
    answer = spoiled(
        Authenticator().create(options(owner, MADE)),
        "attestationObject",
        lambda whole: cbor2.dumps({**cbor2.loads(whole), "fmt": kind, "attStmt": statement}),
    )
    refused(owner.post("/passkeys", {"label": "Mine", "answer": answer}, status=422))
    assert not passkey_ids(owner)


MALFORMED = [
    "", " ", "{", "{}", "[]", "null", "7", '"x"', "[" * 16_000, "1" * 16_000, "x" * 200_000, "\0", "🙂", "NaN",
    '{"id": 1}', '{"id": "x", "rawId": [], "type": "public-key", "response": {}}',
    '{"id": "é", "rawId": "é", "type": "public-key", "response": {"clientDataJSON": "é", "attestationObject": "é",'
    ' "authenticatorData": "é", "signature": "é", "userHandle": "é"}}',
    '{"id": "eA", "rawId": "eA", "type": {}, "response": {"clientDataJSON": "", "attestationObject": "",'
    ' "authenticatorData": "", "signature": ""}}',
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "", "attestationObject": "",'
    ' "authenticatorData": "", "signature": "", "userHandle": "\\ud800"}}',
]  # fmt: skip


@pytest.mark.parametrize("answer", MALFORMED, ids=lambda answer: answer[:20] or "nothing")
def test_what_is_no_answer_at_all(owner: Browser, phone: Authenticator, answer: str) -> None:
    for url, asked in (("/passkeys", MADE), (SIGN_IN, ASKED), (PROOF, ASKED)):
        options(owner, asked)
        refused(owner.post(url, {"label": "Mine", "answer": answer}, status=422))
        owner.raw("GET", asked)
        refused(owner.post(url, {"label": "Mine"}, status=422))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=40).map(to_text),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "sig"]), some, max_size=3),
    max_leaves=6,
)
CBOR = st.recursive(
    st.none()
    | st.integers()
    | st.binary(max_size=40)
    | st.sampled_from(["none", "packed", "tpm", "fido-u2f", "apple"]),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(["alg", "sig", "x5c", 1, 3]), some),
    max_leaves=6,
)
SITE = Site("localhost", "http://localhost")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_that_a_phone_says_is_a_fault_of_ours(data: st.DataObject) -> None:
    challenge, person = passkeys.new_challenge(), passkeys.new_challenge().value[:16]
    common = {"rp": {"id": "localhost"}, "user": {"id": to_text(person)}, "challenge": to_text(challenge.value)}
    wanted = {"residentKey": "required", "userVerification": "required"}
    answer = json.loads(Authenticator().create({**common, "authenticatorSelection": wanted}))
    whole = cbor2.loads(to_bytes(answer["response"]["attestationObject"]))
    where = data.draw(st.sampled_from(["answer", "response", "attestation", "about"]))
    if where == "attestation":
        whole[data.draw(st.sampled_from(["fmt", "attStmt", "authData"]))] = data.draw(CBOR)
    elif where == "about":
        at, inserted = data.draw(st.integers(32, len(whole["authData"]))), data.draw(st.binary(max_size=60))
        whole["authData"] = whole["authData"][:at] + inserted
    if where in ("attestation", "about"):
        answer["response"]["attestationObject"] = to_text(cbor2.dumps(whole))
    else:
        part = answer if where == "answer" else answer["response"]
        part[data.draw(st.sampled_from([*part, "authenticatorAttachment", "transports"]))] = data.draw(JUNK)
    try:
        made = passkeys._made(SITE, challenge, json.dumps(answer))
    except Invalid:
        return
    assert made.credential_public_key


def test_at_the_end_of_the_days_to_change_ones_mind(owner: Browser, visitor: Browser, phone: Authenticator) -> None:
    with owner.app.app_context(), transaction():
        db.session.execute(sa.update(Person).values(erase_at=clock.now() + timedelta(days=30)))
    enter(visitor, phone, then="/")
    visitor.post("/sign-out")
    with after(days=31):
        refused(enter(visitor, phone, status=422))


# app lock


def choose_lock(browser: Browser, seconds: str, **expected: Any) -> Page:
    return browser.post("/me/lock", {"lock_seconds": seconds}, **expected)


def test_the_phone_locks_and_a_passkey_opens_it(owner: Browser, phone: Authenticator) -> None:
    owner.post("/shops/new", {"name": "Zebra Store", "category": "milk"})
    choose_lock(owner, "60", then="/devices")
    with after(seconds=50):
        owner.get("/")
    with after(seconds=120):
        owner.get("/", status=303)
        assert owner.raw("GET", "/").location == "/unlock"
        enter(owner, phone, then="/")
        assert "Zebra Store" in owner.get("/").text
    with after(seconds=190):
        assert owner.raw("GET", "/").location == "/unlock", "it locks again"


def test_the_unlock_page_offers_it(owner: Browser, phone: Authenticator) -> None:
    choose_lock(owner, "60")
    owner.post("/lock", then="/unlock")
    page = owner.get("/unlock")
    assert SIGN_IN in [form["action"] for form in page.all("form")]
    assert page.links("/sign-in")


def test_one_who_was_just_seen_is_not_out_at_once(owner: Browser, phone: Authenticator) -> None:
    with after(minutes=10):  # being seen is written once an hour
        choose_lock(owner, "60", then="/devices")
        owner.get("/")


def test_never_again(owner: Browser, phone: Authenticator) -> None:
    choose_lock(owner, "60")
    chosen = [option["value"] for option in owner.get("/devices").all("option") if "selected" in option]
    assert chosen == ["60"]
    choose_lock(owner, "0", then="/devices")
    with after(minutes=20):
        owner.get("/")


def test_a_longer_time_brings_no_locked_session_back(app: Flask, owner: Browser, phone: Authenticator) -> None:
    choose_lock(owner, "60")
    thief, cookie = Browser(app), owner.client.get_cookie("khata_session")
    assert cookie is not None
    thief.client.set_cookie("khata_session", cookie.value)
    with after(minutes=2):
        enter(owner, phone)
        choose_lock(owner, "0")
        owner.get("/")
        thief.get("/", status=303)


def test_a_kept_page_learns_of_the_lock(owner: Browser, phone: Authenticator) -> None:
    owner.get("/")
    choose_lock(owner, "300")
    assert 'data-lock="300"' in owner.get("/").html


def test_without_a_passkey_there_is_no_lock(owner: Browser) -> None:
    assert "/me/lock" not in [form["action"] for form in owner.get("/devices").all("form")]
    assert "Add your fingerprint first" in choose_lock(owner, "60", status=422).text
    assert session_row(owner).idle_seconds is None


@pytest.mark.parametrize("seconds", ["", "1", "-60", "60.5", "sixty", "9" * 30])
def test_no_other_time(owner: Browser, phone: Authenticator, seconds: str) -> None:
    assert 'class="err"' in choose_lock(owner, seconds, status=422).html
    assert session_row(owner).idle_seconds is None


def test_a_shops_phone_has_its_owners_time(owner: Browser, phone: Authenticator) -> None:
    owner.post("/phones", {"lock_seconds": "300"})
    assert "/me/lock" not in [form["action"] for form in owner.get("/devices").all("form")]
    choose_lock(owner, "0", status=404)
    with owner.app.app_context():
        assert db.session.scalar(sa.select(Device.lock_seconds)) == 300


# where, and how much


def test_nothing_of_it_shows_without_script(visitor: Browser) -> None:
    forms = visitor.get("/sign-in").all("form")
    assert [("hidden" in form) for form in forms] == [False, True]


def test_a_refused_page_can_be_opened_again(visitor: Browser) -> None:
    visitor.post(SIGN_IN, {"answer": "x"}, status=422)
    assert visitor.raw("GET", f"{SIGN_IN}?lang=hi").location == "/sign-in"
    assert visitor.get("/sign-in").all("html")[0]["lang"] == "hi"


def test_the_sign_in_page_stays_small(visitor: Browser) -> None:
    page = brotli.compress(visitor.raw("GET", "/sign-in?lang=hi").data, quality=5)
    served = json.loads((DIST / "manifest.json").read_text("utf-8"))["passkeys.js"]
    script = (DIST / f"{served}.br").stat().st_size
    assert script < 1_500
    assert len(page) + script < 9 * 1024


def test_pages_may_ask_for_passkeys_and_no_frame_may(visitor: Browser) -> None:
    policy = visitor.raw("GET", "/sign-in").headers["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in policy
    assert "publickey-credentials-create=(self)" in policy


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://khata.example", ("khata.example", "https://khata.example")),
        ("https://Khata.Example:443/path", ("khata.example", "https://khata.example")),
        ("http://localhost:8000/", ("localhost", "http://localhost:8000")),
        ("http://khata.example:80", ("khata.example", "http://khata.example")),
        ("http://[::1]:8000", ("::1", "http://[::1]:8000")),
    ],
)
def test_a_site_as_browsers_spell_it(url: str, site: tuple[str, str]) -> None:
    assert site_of(url) == site


def test_the_public_name_counts_not_the_one_that_was_asked(
    app: Flask, owner: Browser, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = dataclasses.replace(app.config["KHATA"], public_url="http://khata.example")
    monkeypatch.setitem(app.config, "KHATA", public)
    assert options(owner)["rpId"] == "khata.example"
    refused(enter(owner, phone, status=422))
    there = Authenticator(origin="http://khata.example")
    add(owner, there)
    enter(owner, there, then="/")


def test_the_key_is_kept_as_it_was_given(owner: Browser, phone: Authenticator) -> None:
    with owner.app.app_context():
        (kept,) = db.session.scalars(sa.select(Passkey))
        assert kept.public_key == phone.public_key(phone.keys[0])
        assert queries.passkeys_of(kept.person_id) == [kept]


def test_challenges_are_long_and_never_the_same(visitor: Browser) -> None:
    seen = {options(visitor)["challenge"] for _time in range(50)}
    assert len(seen) == 50
    assert {len(base64.urlsafe_b64decode(one + "==")) for one in seen} == {32}


def test_with_the_last_passkey_the_lock_goes(owner: Browser, phone: Authenticator) -> None:
    """It would ask for a code each time, and could not be chosen again."""
    add(owner, Authenticator(), "Tablet")
    choose_lock(owner, "60", then="/devices")
    first, last = passkey_ids(owner)
    owner.post(f"/passkeys/{first}/removal", then="/passkeys")
    assert 'data-lock="60"' in owner.get("/").html, "there is another one yet"
    owner.post(f"/passkeys/{last}/removal", then="/passkeys")
    assert "data-lock" not in owner.get("/").html
    with after(hours=2):
        owner.get("/")
    owner.post("/sign-out", then="/sign-in")


def test_but_not_that_of_a_shops_phone(owner: Browser, phone: Authenticator) -> None:
    owner.post("/phones", {"lock_seconds": "300"}, then="/phones")
    (only,) = passkey_ids(owner)
    owner.post(f"/passkeys/{only}/removal", then="/passkeys")
    assert 'data-lock="300"' in owner.get("/").html


def test_nor_of_a_phone_that_somebody_else_locks(owner: Browser, phone: Authenticator) -> None:
    """Who borrowed it for a moment takes no lock off it."""
    choose_lock(owner, "60", then="/devices")
    owner.post("/sign-out")
    sign_in(owner, "+919812300077")
    add(owner, Authenticator())
    (only,) = passkey_ids(owner)
    owner.post(f"/passkeys/{only}/removal", then="/passkeys")
    with owner.app.app_context():
        assert db.session.scalars(sa.select(Device.lock_seconds)).all() == [60]
