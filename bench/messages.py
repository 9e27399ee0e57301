"""Reminders to 10,000 parties: queued at once, then sent by four threads of a worker to a provider on this machine."""

from __future__ import annotations

import resource
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import UUID

import sqlalchemy as sa
import time_machine
from flask import Flask

from bench.books import Book, copy_tables, environ_of, make_book, new_app
from bench.provider import provider
from bench.report import Line
from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.messages import channels
from khata.messages import queries as outbox
from khata.messages.models import Consent
from khata.parties.models import Party
from khata.reminders import automatic, queries
from tasks import messages as sending
from tests.databases import new_database, start_postgresql

PARTIES, QUEUE_SECONDS, QUEUE_MEGABYTES = 10_000, 10.0, 150.0
THREADS, SENT = 4, 2_000
GOALS = {"SQLite": 200, "PostgreSQL": 500}
NOON = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)  # outside of the quiet hours


def measure(folder: Path, quick: bool) -> list[Line]:
    """Seconds and memory of queueing, and messages a second: the first to each party, so links are made, too."""
    sent = 300 if quick else SENT
    app = new_app(environ_of(folder))
    book = make_book(app, [2] * PARTIES)
    with provider() as port, time_machine.travel(NOON, tick=True), start_postgresql(durable=True) as server:
        with app.app_context():
            _let_them_agree(book)
        elsewhere = folder / "pg"
        elsewhere.mkdir()
        other = new_app(environ_of(elsewhere, new_database(server, "bench")))
        copy_tables(app, other)
        lines = _queueing(app, book)
        for name, installation in (("SQLite", app), ("PostgreSQL", other)):
            if installation is other:
                _queueing(other, book)
            url = f"http+sms://127.0.0.1:{port}/send?to=to&text=text&format=json&id=id"
            installation.extensions["khata_channels"]["sms"] = channels.build("sms", url, folder)
            speed = sent / _seconds_to_send(installation, sent)
            goal = GOALS[name]
            lines.append(
                Line(f"Sending reminders, {THREADS} threads, {name}", f"≥ {goal}/s", f"{speed:.0f}/s", speed >= goal)
            )
    return lines


def _let_them_agree(book: Book) -> None:
    """Each has a number, owes something and agreed to SMS."""
    parties, now = Party.__table__, clock.now()
    with transaction():
        for number, party_id in enumerate(book.party_ids):
            row = sa.update(parties).where(parties.c.shop_id == book.actor.shop_id, parties.c.id == party_id)
            db.session.execute(
                row.values(phone=f"+9198{number:08}", balance_minor=sa.func.abs(parties.c.balance_minor) + 1)
            )
        common = {
            "shop_id": book.actor.shop_id,
            "channel": "sms",
            "is_given": True,
            "told_by": "shop",
            "changed_at": now,
        }
        db.session.execute(sa.insert(Consent), [{**common, "party_id": party_id} for party_id in book.party_ids])


def _queueing(app: Flask, book: Book) -> list[Line]:
    with app.app_context():
        started = time.perf_counter()
        with transaction():
            found = queries.reachable(book.actor.shop_id, "owes", clock.today("Asia/Kolkata"), "sms")
            new = automatic.queue(book.actor, new_id(), found, "sms", clock.now())
        seconds = time.perf_counter() - started
    if new != PARTIES:
        raise RuntimeError(f"{new} queued")
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Line(
            f"Queueing reminders for {PARTIES:,} parties",
            f"≤ {QUEUE_SECONDS:g} s",
            f"{seconds:.1f} s",
            seconds <= QUEUE_SECONDS,
        ),
        Line(
            "the same, peak memory of the process",
            f"≤ {QUEUE_MEGABYTES:g} MB",
            f"{megabytes:.0f} MB",
            megabytes <= QUEUE_MEGABYTES,
        ),
    ]


def _seconds_to_send(app: Flask, count: int) -> float:
    """Each thread takes the next message that is due, as the worker's threads take their bells."""
    waiting: SimpleQueue[tuple[UUID, UUID]] = SimpleQueue()
    with app.app_context():
        for ids in outbox.due(clock.now(), count):
            waiting.put(ids)

    def work() -> None:
        with app.app_context():
            while True:
                try:
                    ids = waiting.get_nowait()
                except Empty:
                    return
                sending.deliver(*ids)

    threads = [threading.Thread(target=work) for _each in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    with app.app_context():
        states = outbox.count_by_state()
    if states.get("sent") != count:
        raise RuntimeError(f"not all were sent: {states}")
    return seconds
