"""10,000 requests that Hypothesis made up, over every route and method: no fault, and the books agree.

Forms have the fields that the pages' forms really have, with values that are right, nearly right, or nonsense. The
same ones come every time; KHATA_MANY=1 makes ten times as many, new ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes, urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from khata.accounts import actions, sessions
from khata.accounts.models import Member, Person
from khata.accounts.queries import all_shops
from khata.core.actor import Actor
from khata.core.db import Base, db, transaction
from khata.core.ids import new_id
from khata.ledger.verification import differences
from khata.web import cookies
from tests.client import ORIGIN, Browser, Page
from tests.factories import picture, upload

SHARE = 5 if os.environ.get("KHATA_TEST_DATABASE") == "postgresql" else 1  # what a page says does not hang on it
REQUESTS, PARTS, A_TIME = 10_000 // SHARE, 6, 20
MANY = os.environ.get("KHATA_MANY") == "1"
EXAMPLES = REQUESTS // PARTS // A_TIME + 1
WHO = ("owner", "cashier", "nobody")
WHOSE = (
    ("party_id", "parties", "id"), ("entry_id", "entries", "id"), ("cash_id", "cash_entries", "id"),
    ("import_id", "imports", "id"), ("invitation_id", "invitations", "id"), ("member_id", "members", "id"),
    ("device_id", "devices", "id"), ("shop_id", "shops", "id"), ("photo_id", "entries", "photo_id"),
)  # fmt: skip
DOORS = ("/sign-in", "/shops/new", "/shops", "/unlock", "/me/pin")
METHODS = ("GET", "POST", "POST", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW")

VALUES = (
    "", " ", "0", "1", "-1", "5", "12.50", "120+80*2", "१२३", "٣٫٥", "１２", "1e999", "NaN", "9" * 30, "0x10", "1/0",
    "gave", "got", "in", "out", "customer", "supplier", "owner", "cashier", "grocery", "csv", "vcard", "name", "on",
    "2026-03-10", "२०२६-०३-१०", "0000-00-00", "9999-12-31", "2026-02-30", "+919876543210", "98765 43210", "123456",
    "रमेश", "ரமேஷ்", "\u202e\u200d", "\u0000", "a\nb\r\nc", "<script>", "{{7*7}}", "%s%n", "' OR 1=1 --", "../..",
    "é" * 600, "\ud800", "\udfff\ud800", "\U0010ffff", "🙂" * 90, "Asia/Kolkata", "INR", "en", "hi", "zz", "null", "[]",
)  # fmt: skip
HEADERS = {
    "HX-Request": ("true", "false"),
    "HX-Boosted": ("true",),
    "HX-Request-Type": ("partial", "full"),
    "HX-Target": ("body", "<x>"),
    "Accept-Language": ("hi-IN,hi;q=0.9", "xx", ",;q="),
    "Accept-Encoding": ("br", "gzip", "zstd", "identity;q=0"),
    "If-None-Match": ("*", '"x"', 'W/"'),
    "Range": ("bytes=0-1", "bytes=-"),
    "Referer": (f"{ORIGIN}/menu", f"{ORIGIN}//evil.example/x", "http://[::"),
    "Sec-Fetch-Site": ("same-origin", "cross-site", "none"),
    "X-Forwarded-For": ("203.0.113.9",),
    "Content-Encoding": ("gzip",),
    "Cookie": ("khata_lang=hi", "khata_sort=amount", "khata_visit=x.y.z", "khata_device=x.y", "a" * 300),
}
FORM = "application/x-www-form-urlencoded"
KINDS = (FORM,) * 6 + ("multipart/form-data; boundary=b", "text/plain", "", "a/b; charset=x")
# What a person would type into a field that stands empty.
TYPED = {"name": "Ramesh", "amount": "5", "direction": "gave", "phone": "9876500077", "label": "Counter",
         "role": "cashier", "code": "123456", "category": "grocery", "due_on": "2026-12-31"}  # fmt: skip


class Request(NamedTuple):
    """One request, with places in lists for what is known only once there is a shop."""

    route: int
    method: str
    ids: list[int]
    fields: list[tuple[int, str]]
    query: list[tuple[int, str]]
    headers: dict[str, str]
    kind: str
    file: int


def make_up(dice: Random, words: list[str]) -> Request:
    """A request; Hypothesis throws the dice, and adds words of its own to ours."""

    def fields(most: int) -> list[tuple[int, str]]:
        return [(dice.randrange(1000), dice.choice((*VALUES, *words))) for _field in range(dice.randrange(most))]

    names = dice.sample(sorted(HEADERS), dice.choice((0, 0, 1, 2)))
    return Request(
        dice.randrange(10_000),
        dice.choice(METHODS),
        [dice.randrange(100) for _id in range(3)],
        fields(6),
        fields(4) if dice.random() < 0.3 else [],
        {name: dice.choice(HEADERS[name]) for name in names},
        dice.choice(KINDS),
        dice.randrange(10),
    )


def as_form(pairs: list[tuple[str, str]]) -> bytes:
    """Percent-coded, halves of surrogates and all."""
    return "&".join(
        f"{quote_from_bytes(name.encode())}={quote_from_bytes(value.encode('utf-8', 'surrogatepass'))}"
        for name, value in pairs
    ).encode()


class Cast:
    """Who sends, and what there is to send about: a shop of one's own, and a stranger's."""

    def __init__(self, app: Flask, who: str, owner: Browser, stranger: Browser) -> None:
        self.app, self.who = app, who
        for browser in (owner, stranger):
            _fill(browser)
        self.rules = [(rule, sorted(rule.methods or ())) for rule in app.url_map.iter_rules()]
        self.forms = _forms_of(app, owner)
        names = {name for form in self.forms.values() for name in form}
        self.fields = [*sorted(names), "junk", "__proto__", "shop_id", "id", "a" * 300, "\x00"]
        self.begin()

    def begin(self) -> None:
        """A browser signed in, in a shop where the sender has their role; a fresh one where the last is lost."""
        with self.app.app_context():
            with transaction():
                cookie = _enter(self.who)
            self.fitting = _ids()
            self.ids = [*(id_ for ids in self.fitting.values() for id_ in ids), str(new_id()), str(UUID(int=0))]
        self.cookie, self.is_lost = cookie, False

    def send(self, made: Request) -> int:
        """The status of the answer."""
        rule, methods = self.rules[made.route % len(self.rules)]
        method = made.method if made.method in methods or made.route % 7 == 0 else methods[made.route % len(methods)]
        names = sorted(rule.arguments)
        values = {name: self._value(name, place) for name, place in zip(names, made.ids, strict=False)}
        url = self._address(rule, values)
        query = as_form(self._named(made.query)).decode()
        headers = {"Origin": ORIGIN, **made.headers}
        headers["Cookie"] = "; ".join(filter(None, (self.cookie, made.headers.get("Cookie"))))
        options: dict[str, Any] = {"headers": headers, "query_string": query}
        if method in ("POST", "PUT", "PATCH", "DELETE"):
            options |= self._body(made, self.forms.get(rule.endpoint, {}) if made.route % 3 else {})
        with self.app.test_client(use_cookies=False).open(url, method=method, **options) as answer:
            self.is_lost = bool(self.cookie) and answer.location in DOORS
            return answer.status_code if url != "/readyz" else 200

    def _value(self, name: str, place: int) -> str:
        """For an address: mostly an id of the kind that belongs there."""
        if not name.endswith("_id"):
            return VALUES[place % len(VALUES)] or "x"
        fitting = self.fitting.get(name) if place % 4 else None
        return (fitting or self.ids)[place % len(fitting or self.ids)]

    def _address(self, rule: Any, values: dict[str, str]) -> str:
        try:
            return str(self.app.url_map.bind("localhost").build(rule.endpoint, values))
        except Exception:  # a value that no address of this kind can have
            return "/" + "/".join(values.values()).encode("utf-8", "replace").decode()

    def _named(self, pairs: list[tuple[int, str]]) -> list[tuple[str, str]]:
        return [
            (self.fields[place % len(self.fields)], self.ids[place % len(self.ids)] if place % 5 == 0 else value)
            for place, value in pairs
        ]

    def _body(self, made: Request, form: dict[str, str]) -> dict[str, Any]:
        """The form as a page has it, with what was made up put in the place of some of its fields."""
        pairs = self._named(made.fields[: made.file // 3] if form else made.fields)
        pairs = [*pairs, *((name, value) for name, value in form.items() if name not in dict(pairs))]
        if made.kind.startswith("multipart") and made.file:
            words = {name: value.encode("utf-8", "replace").decode() for name, value in pairs}
            content = (picture(), b"name,phone\nAsha,9876500002\n", b"\xff\xd8\xff", b"")[made.file % 4]
            return {"data": {**words, ("photo", "file")[made.file % 2]: upload(content, words.get("name", "x.csv"))}}
        return {"data": as_form(pairs), "content_type": made.kind}


def _enter(who: str) -> str:
    if who == "nobody":
        return ""
    person = actions.person_for(f"+9198111{_count_people():05d}", "en", {})
    mine = actions.open_shop(person.id, None, actions.NewShop("Asha Store", "grocery", "INR", "Asia/Kolkata", "IN"))
    if who != "owner":
        db.session.execute(sa.update(Member).where(Member.id == mine.member_id).values(role=who))
    device = sessions.device_for(None, "Android")
    token = sessions.start_session(person.id, device, sessions.CODE)
    _write_something(mine)
    return f"{cookies.SESSION}={token}"


def _count_people() -> int:
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(Person)) or 0)


def _write_something(actor: Actor) -> None:
    from khata.ledger import actions as ledger
    from khata.parties import actions as parties
    from tests.factories import DAY

    party, other = new_id(), new_id()
    parties.add_party(actor, party, "customer", parties.Details("Ramesh"))
    parties.add_party(actor, other, "supplier", parties.Details("Sita"))
    ledger.record_entry(actor, party, new_id(), ledger.Content("gave", 5000, DAY))


def _fill(browser: Browser) -> None:
    party = browser.add_party("Ramesh")
    browser.post(f"{party}/entries", {"direction": "gave", "amount": "10", "photo": upload(picture())})
    browser.post("/cash", {"direction": "in", "amount": "5"})
    browser.post("/imports", {"file": upload(b"name,phone\nAsha,9876500002\n", "list.csv"), "format": "csv"})
    browser.post("/invitations", {"role": "cashier"})


def _ids() -> dict[str, list[str]]:
    """Ids of what there is, by what addresses call them: one's own, which are the newest, and others'."""
    found = {}
    for name, table_name, column in WHOSE:
        table = Base.metadata.tables[table_name]
        newest = sa.select(table.c[column]).where(table.c[column].is_not(None)).order_by(table.c.id.desc()).limit(3)
        found[name] = [str(id_) for id_ in db.session.scalars(newest)]
    return found


def _forms_of(app: Flask, owner: Browser) -> dict[str, dict[str, str]]:
    """The fields of every form that the owner can see, with values, by the endpoint that it is sent to."""
    forms: dict[str, dict[str, str]] = {}
    with app.app_context():
        found = _ids()
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or not all(name.endswith("_id") for name in rule.arguments):
            continue
        for place in range(3 if rule.arguments else 1):
            ids = {
                name: (found.get(name) or [str(new_id())])[-1 - place % len(found.get(name) or "x")]
                for name in rule.arguments
            }
            with owner.raw("GET", adapter.build(rule.endpoint, ids)) as answer:
                if answer.mimetype == "text/html" and answer.status_code == 200:
                    _read_forms(Page(answer.get_data(as_text=True)), adapter, forms)
    return forms


def _read_forms(page: Page, adapter: Any, forms: dict[str, dict[str, str]]) -> None:
    form: dict[str, str] = {}
    for tag, attributes in page.elements:
        if tag == "form":
            method = attributes.get("method", "get").upper()
            form = forms.setdefault(adapter.match(urlsplit(attributes["action"]).path, method=method)[0], {})
        elif tag in ("input", "select", "textarea", "button") and attributes.get("name"):
            name = attributes["name"]
            form[name] = form.get(name) or attributes.get("value") or TYPED.get(name, "")


@pytest.fixture(params=[f"{who}-{part}" for who in WHO for part in range(PARTS // len(WHO))])
def cast(
    request: pytest.FixtureRequest, app: Flask, open_shop: Callable[..., Browser], stranger: Browser
) -> tuple[Cast, int]:
    """Somebody who sends, and which part of the requests."""
    who, _dash, part = request.param.partition("-")
    return Cast(app, who, open_shop("+919876543210"), stranger), int(part)


def test_no_request_is_a_fault(app: Flask, cast: tuple[Cast, int]) -> None:
    sender, part = cast
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES * (10 if MANY else 1),
        derandomize=not MANY,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.just(part), st.randoms(use_true_random=True), st.lists(st.text(max_size=30), max_size=20))
    def send(_part: int, dice: Random, words: list[str]) -> None:
        for _time in range(A_TIME):
            one = make_up(dice, words)
            status = sender.send(one)
            statuses.append(status)
            assert status < 500, one
            if sender.is_lost:
                sender.begin()

    send()
    assert len(statuses) >= REQUESTS // PARTS
    assert {200, 303, 404} <= set(statuses)
    with app.app_context():
        assert [found for shop in all_shops() for found in differences(shop.id, shop.currency)] == []


def test_the_fields_of_the_forms_are_found(app: Flask, owner: Browser) -> None:
    _fill(owner)
    forms = _forms_of(app, owner)
    assert {"direction", "amount", "on", "note", "photo", "id"} <= forms["ledger.record"].keys()
    assert {"name", "phone"} <= forms["parties.add"].keys()
    assert len(forms) > 25


def test_who_is_signed_in_is(app: Flask, owner: Browser, stranger: Browser) -> None:
    for who in WHO:
        sender = Cast(app, who, owner, stranger)
        answer = app.test_client(use_cookies=False).get("/", headers={"Cookie": sender.cookie})
        assert answer.status_code == (303 if who == "nobody" else 200)
