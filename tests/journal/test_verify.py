"""`flask verify`: silent after every kind of write, and it names each thing that somebody changed behind its back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.journal.actions import line_hash
from khata.journal.models import JournalLine
from khata.ledger import actions as ledger
from khata.ledger import cash
from khata.parties import actions as parties
from khata.parties.actions import Details
from tests.client import Browser
from tests.factories import DAY, change_row, faults, make_party, make_shop, stored, write

LINES = JournalLine.__table__


class Book:
    """A shop in which everything happened once, and the ids of what tests tamper with."""

    def __init__(self) -> None:
        self.actor = make_shop()
        self.shop = stored(self.actor.shop_id)
        self.party, gone, deleted = (make_party(self.actor, name) for name in ("Ramesh", "Ramesh K", "Suresh"))
        self.entry = write(self.actor, self.party, "gave", 5000, in_cash=True)
        self.edited = write(self.actor, self.party, "got", 700, DAY + timedelta(days=1))
        self.struck = write(self.actor, gone, "gave", 300, DAY + timedelta(days=2))
        write(self.actor, gone, "gave", 400, DAY)
        write(self.actor, deleted, "got", 50)
        self.cash = new_id()
        with transaction():
            ledger.edit_entry(self.actor, self.edited, 1, ledger.Content("got", 800, DAY, "oil"))
            ledger.delete_entry(self.actor, self.struck)
            ledger.restore_entry(self.actor, self.struck)
            ledger.delete_entry(self.actor, self.struck)
            ledger.merge_parties(self.actor, gone, self.party)
            ledger.settle(self.actor, deleted, new_id(), -50, DAY, in_cash=True)
            parties.delete_party(self.actor, deleted)
            parties.restore_party(self.actor, deleted)
            parties.edit_party(self.actor, deleted, Details("Suresh S", "+919876500077", due_on=DAY))
            ledger.move_party(self.actor, deleted, "supplier")
            for cash_id in (self.cash, new_id()):
                cash.record_cash(self.actor, cash_id, cash.CashContent("in", 9000, DAY, "sale"))
            cash.delete_cash(self.actor, cash_id)
        write(self.actor, self.party, "gave", 100, DAY + timedelta(days=3))

    def seq(self, kind: str, subject: UUID) -> int:
        """The number of the line that tells this."""
        with db.engine.connect() as connection:
            query = sa.select(LINES.c.seq).where(LINES.c.kind == kind, LINES.c.subject_id == subject)
            return int(connection.scalars(query).first() or 0)

    def line(self, seq: int) -> dict[str, Any]:
        with db.engine.connect() as connection:
            row = connection.execute(sa.select(LINES).where(LINES.c.seq == seq)).one()
            return dict(row._mapping)


@pytest.fixture
def book(context: Flask) -> Book:
    return Book()


def verify(app: Flask, *options: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["verify", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def test_it_works(context: Flask, book: Book) -> None:
    assert verify(context) == (0, "1 shops: balances and journal agree\n")
    assert verify(context, "--json") == (0, '{"ok": true, "shops": 1, "differences": []}\n')


def test_an_empty_installation(context: Flask) -> None:
    assert verify(context)[0] == 0


def amount(book: Book) -> None:
    change_row("UPDATE entries SET amount_minor = amount_minor + 1 WHERE id = :id", id=stored(book.entry))


def direction(book: Book) -> None:
    change_row("UPDATE entries SET direction = 'got' WHERE id = :id", id=stored(book.entry))


def note(book: Book) -> None:
    change_row("UPDATE entries SET note = 'paid' WHERE id = :id", id=stored(book.entry))


def day(book: Book) -> None:
    change_row("""UPDATE entries SET "on" = '2026-03-09' WHERE id = :id""", id=stored(book.entry))


def undelete(book: Book) -> None:
    change_row("UPDATE entries SET deleted_at = NULL WHERE id = :id", id=stored(book.struck))


def remove_entry(book: Book) -> None:
    change_row("DELETE FROM entries WHERE id = :id", id=stored(book.entry))


def balance(book: Book) -> None:
    change_row("UPDATE parties SET balance_minor = balance_minor + 1 WHERE id = :id", id=stored(book.party))


def debt_since(book: Book) -> None:
    change_row("UPDATE parties SET debt_since = '2026-03-12' WHERE id = :id", id=stored(book.party))


def name(book: Book) -> None:
    change_row("UPDATE parties SET name = 'Somebody' WHERE id = :id", id=stored(book.party))


def total(book: Book) -> None:
    change_row("UPDATE ledger_totals SET get_minor = get_minor + 1 WHERE kind = 'customer'")


def no_total(book: Book) -> None:
    change_row("DELETE FROM ledger_totals WHERE kind = 'customer'")


def party_day(book: Book) -> None:
    change_row("""UPDATE party_days SET gave_minor = gave_minor + 1 WHERE party_id = :id AND "on" = '2026-03-10'""",
               id=stored(book.party))  # fmt: skip


def no_party_day(book: Book) -> None:
    change_row("""DELETE FROM party_days WHERE party_id = :id AND "on" = '2026-03-13'""", id=stored(book.party))


def cash_day(book: Book) -> None:
    change_row("UPDATE cash_days SET out_minor = out_minor - 1")


def cash_amount(book: Book) -> None:
    change_row("UPDATE cash_entries SET amount_minor = 1 WHERE id = :id", id=stored(book.cash))


def removed_line(book: Book) -> None:
    change_row("DELETE FROM journal_lines WHERE seq = :seq", seq=book.seq("shop.opened", book.actor.shop_id))


def removed_middle_line(book: Book) -> None:
    change_row("DELETE FROM journal_lines WHERE seq = :seq", seq=book.seq("entry.recorded", book.entry))


def removed_last_line(book: Book) -> None:
    change_row("DELETE FROM journal_lines WHERE seq = (SELECT max(seq) FROM journal_lines)")


def cut_off_end(book: Book) -> None:
    """The last line is gone and the head says that this is as it should be."""
    with db.engine.connect() as connection:
        seq = connection.scalar(sa.select(sa.func.max(LINES.c.seq)))
    change_row("UPDATE journal_heads SET seq = :seq, hash = :hash", seq=seq - 1, hash=book.line(seq - 1)["hash"])
    change_row("DELETE FROM journal_lines WHERE seq = :seq", seq=seq)


def swapped_lines(book: Book) -> None:
    first, second = book.seq("entry.recorded", book.entry), book.seq("entry.recorded", book.edited)
    for old, new in ((first, 9999), (second, first), (9999, second)):
        change_row("UPDATE journal_lines SET seq = :new WHERE seq = :old", old=old, new=new)


def swapped_neighbours(book: Book) -> None:
    seq = book.seq("entry.recorded", book.edited)
    for old, new in ((seq, 9999), (seq + 1, seq), (9999, seq + 1)):
        change_row("UPDATE journal_lines SET seq = :new WHERE seq = :old", old=old, new=new)


def payload(book: Book) -> None:
    seq = book.seq("entry.recorded", book.entry)
    change_row("UPDATE journal_lines SET payload = replace(payload, '5000', '5001') WHERE seq = :seq", seq=seq)


def payload_with_its_own_hash(book: Book) -> None:
    """Line and hash fit each other: the next line tells."""
    seq = book.seq("entry.recorded", book.entry)
    line = book.line(seq)
    line["payload"] = line["payload"].replace("5000", "5001")
    fitting = line_hash(book.line(seq - 1)["hash"], line)
    values = {"seq": seq, "payload": line["payload"], "hash": fitting}
    change_row("UPDATE journal_lines SET payload = :payload, hash = :hash WHERE seq = :seq", **values)


def whole_chain_made_anew(book: Book) -> None:
    """Every hash from the changed line on is right again, the head too: the book tells."""
    seq = book.seq("entry.recorded", book.entry)
    previous = book.line(seq - 1)["hash"]
    with db.engine.connect() as connection:
        lines = connection.execute(sa.select(LINES).where(LINES.c.seq >= seq).order_by(LINES.c.seq)).all()
    for row in lines:
        line = dict(row._mapping)
        if line["seq"] == seq:
            line["payload"] = line["payload"].replace("5000", "5001")
        previous = line_hash(previous, line)
        values = {"seq": line["seq"], "payload": line["payload"], "hash": previous}
        change_row("UPDATE journal_lines SET payload = :payload, hash = :hash WHERE seq = :seq", **values)
    change_row("UPDATE journal_heads SET hash = :hash", hash=previous)


def unreadable_payload(book: Book) -> None:
    change_row("UPDATE journal_lines SET payload = '{' WHERE seq = :seq", seq=book.seq("entry.recorded", book.entry))


def empty_payload(book: Book) -> None:
    change_row("UPDATE journal_lines SET payload = '[]' WHERE seq = :seq", seq=book.seq("party.added", book.party))


def other_member(book: Book) -> None:
    seq = book.seq("entry.recorded", book.entry)
    change_row("UPDATE journal_lines SET member_id = :id WHERE seq = :seq", id=stored(new_id()), seq=seq)


def other_time(book: Book) -> None:
    is_postgresql = db.engine.dialect.name == "postgresql"
    later = "recorded_at + interval '1 day'" if is_postgresql else "recorded_at + 1"
    seq = book.seq("entry.recorded", book.entry)
    change_row(f"UPDATE journal_lines SET recorded_at = {later} WHERE seq = :seq", seq=seq)


TAMPERING: dict[Callable[[Book], None], str] = {
    amount: "the book says",
    direction: "the book says",
    note: "the book says",
    day: "the book says",
    undelete: "disagree on whether it was deleted",
    remove_entry: "the book has lost it",
    balance: "the balance is",
    debt_since: "is not the day of its oldest unpaid entry",
    name: "the book says",
    total: "total of customers",
    no_total: "total of customers",
    party_day: "the sums kept for 2026-03-10",
    no_party_day: "the sums kept for 2026-03-13",
    cash_day: "cash book: the sums kept",
    cash_amount: "the book says",
    removed_line: "journal: line 1 is missing",
    removed_middle_line: "is missing",
    removed_last_line: "its head says otherwise",
    cut_off_end: "the journal does not tell of it",
    swapped_lines: "or not in its place",
    swapped_neighbours: "or not in its place",
    payload: "is not what was written",
    payload_with_its_own_hash: "is not what was written",
    whole_chain_made_anew: "the journal",
    unreadable_payload: "is not what was written",
    empty_payload: "is not what was written",
    other_member: "is not what was written",
    other_time: "is not what was written",
}


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
def test_it_finds(context: Flask, book: Book, tamper: Callable[[Book], None]) -> None:
    tamper(book)
    status, output = verify(context)
    assert status == 1
    assert TAMPERING[tamper] in output
    assert "differences" in output.splitlines()[-1]
    assert verify(context, "--json")[0] == 1


def test_it_names_the_shop(context: Flask, book: Book) -> None:
    other = make_shop("+919876500002")
    make_party(other)
    balance(book)
    status, output = verify(context)
    assert (status, output.splitlines()[-1]) == (1, f"2 shops: {len(output.splitlines()) - 1} differences")
    assert all(line.startswith(f"shop {book.actor.shop_id.hex}: ") for line in output.splitlines()[:-1])


def test_the_pages_write_what_verify_likes(owner: Browser) -> None:
    """The same through the web, with every form there is."""
    party, other = owner.add_party("Ramesh", phone="98765 00001"), owner.add_party("Suresh")
    owner.write(party, "gave", "50", in_cash="1", note="आटा")
    entry = owner.get(party).links("/entries/")[0]
    owner.post(entry, {"direction": "got", "amount": "70", "version": "1", "on": "2026-01-05"})
    owner.post(f"{entry}/deletion")
    owner.post(f"{entry}/restoration")
    owner.post(f"{party}/kind", {"kind": "supplier"})
    owner.post(f"{party}/merge", {"into": other.rpartition("/")[2]})
    owner.post("/cash", {"direction": "out", "amount": "3"})
    owner.post("/shops/settings", {"name": "New", "category": "milk"})
    owner.post("/me", {"name": "Asha", "lang": "hi"})
    with owner.app.app_context():
        assert verify(owner.app)[0] == 0


def test_a_refused_write_leaves_the_chain_alone(context: Flask, book: Book) -> None:
    with suppress(RuntimeError), transaction():
        ledger.record_entry(book.actor, book.party, new_id(), ledger.Content("gave", 100, DAY))
        raise RuntimeError
    assert faults(book.actor) == []
    write(book.actor, book.party, "gave", 100)
    assert faults(book.actor) == []
