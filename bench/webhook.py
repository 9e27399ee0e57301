"""A webhook, answered, against recording an entry: over HTTP to the same server, in turn, in one run.

Each webhook tells of a payment of its own request: signature, one entry, the payment's row, the request's new state.
Beside it stands what both take by themselves, without web and wire. Entries are given and got in turn.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from bench.books import TIME_ZONE, Book, environ_of, make_book, new_app
from bench.report import Line, Measure, alternate, at_most_times, median_of, median_ratio
from bench.servers import serve
from bench.wire import Connection, request
from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.ledger import actions
from khata.ledger.actions import Content
from khata.ledger.models import DIRECTIONS
from khata.payments import taking
from khata.payments.collecting import HOLDS
from khata.payments.gateways import from_url
from khata.payments.gateways.trial_links import TrialLink
from khata.payments.models import OPEN, PaymentRequest

GOAL = 1.5
PARTIES, ENTRIES = 20, 60
SLICE = 10  # of each before it is the other's turn
AMOUNT_MINOR = 12_300
URL = "test://the-secret-of-the-bench"


def measure(folder: Path, quick: bool) -> list[Line]:
    """How many times as long as an entry a webhook takes, over HTTP and by itself."""
    rounds = 10 if quick else 60
    environ = {**environ_of(folder), "KHATA_GATEWAY_URLS": URL}
    app = new_app(environ)
    book = make_book(app, [ENTRIES] * PARTIES)
    gateway: Any = from_url(URL)
    with app.app_context():
        links = iter(_make_requests(book, 2 * SLICE * (rounds + 1)))
        with serve("app:app", environ) as port:
            connection = Connection(port)
            measures: dict[str, Measure] = {
                "entry over HTTP": lambda: _entries_over_http(connection, book),
                "webhook over HTTP": lambda: _webhooks_over_http(connection, gateway, links),
                "entry": lambda: _entries(book),
                "webhook": lambda: _webhooks(gateway, links),
            }
            found = alternate(measures, rounds)
    times = median_ratio(found, "webhook over HTTP", "entry over HTTP")
    inside = median_ratio(found, "webhook", "entry")
    told = {name: f"{median_of(found, name) * 1000 / SLICE:.2f} ms" for name in found[0]}
    return [
        at_most_times("A webhook, answered, to an entry recorded", times, GOAL, f" ({told['webhook over HTTP']})"),
        Line(
            "A webhook without web and wire, to an entry", "", f"{inside:.2f}× ({told['webhook']} to {told['entry']})"
        ),
    ]


def _make_requests(book: Book, count: int) -> list[TrialLink]:
    """So many requests for parties of the shop in turn, as the gateway knows them."""
    now, links, rows = clock.now(), [], []
    for number in range(count):
        party_id, reference = book.party_ids[number % PARTIES], secrets.token_hex(16)
        rows.append(_row(book, party_id, reference, now))
        links.append(TrialLink(f"tlink_{reference}", reference, AMOUNT_MINOR, "INR", "Bench", True, None, ""))
    with transaction():
        db.session.execute(sa.insert(PaymentRequest.__table__), rows)
    return links


def _row(book: Book, party_id: UUID, reference: str, now: Any) -> dict[str, Any]:
    return {
        "shop_id": book.actor.shop_id,
        "id": new_id(),
        "party_id": party_id,
        "gateway": "test",
        "reference": reference,
        "link_id": f"tlink_{reference}",
        "url": "",
        "amount_minor": AMOUNT_MINOR,
        "currency": "INR",
        "state": OPEN,
        "error": "",
        "made_at": now,
        "expires_at": now + HOLDS,
    }


def _entries_over_http(connection: Connection, book: Book) -> float:
    fields = "amount=123&note=rice+5+kg&on="
    forms = [f"id={new_id()}&{fields}&direction={DIRECTIONS[at % 2]}" for at in range(SLICE)]
    path = f"/parties/{book.party_ids[0]}/entries"
    return _taken(connection, [request("POST", path, book.headers, form) for form in forms], 303)


def _webhooks_over_http(connection: Connection, gateway: Any, links: Iterator[TrialLink]) -> float:
    sent = []
    for _each in range(SLICE):
        headers, raw_body = gateway.webhook(next(links), "paid")
        signed = {name: value for name, value in headers.items() if name != "Content-Type"}
        sent.append(request("POST", "/webhooks/test", signed, raw_body.decode()))
    return _taken(connection, sent, 200)


def _taken(connection: Connection, sent: list[bytes], status: int) -> float:
    started = time.perf_counter()
    for one in sent:
        answer = connection.ask(one)
        if answer.status != status:
            raise RuntimeError(f"status {answer.status}")
    return time.perf_counter() - started


def _entries(book: Book) -> float:
    started = time.perf_counter()
    for at in range(SLICE):
        content = Content(DIRECTIONS[at % 2], AMOUNT_MINOR, clock.today(TIME_ZONE), "rice 5 kg")
        with transaction():
            actions.record_entry(book.actor, book.party_ids[0], new_id(), content)
    return time.perf_counter() - started


def _webhooks(gateway: Any, links: Iterator[TrialLink]) -> float:
    sent = [gateway.webhook(next(links), "paid") for _each in range(SLICE)]
    started = time.perf_counter()
    for headers, raw_body in sent:
        events = gateway.read_webhook(headers, raw_body)
        with transaction():
            taking.take_all(gateway, [taking.told_by(event) for event in events])
    return time.perf_counter() - started
