"""What a phone wrote with no network reaches the book: once, in order, as the form would have written it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from khata.core import clock
from khata.core.db import db
from khata.core.ids import new_id
from khata.journal.models import JournalLine
from khata.sync.operations import KINDS
from tests.accounts.conftest import HELPER, place
from tests.client import Browser
from tests.factories import change_row, dump, picture, row_of, stored, today, upload
from tests.sync.outbox import OWNER, Operation, Outbox, add, edit, entry, id_in, operation, packed_of, place_of

LINES = JournalLine.__table__
NOW = 1_790_000_000_000  # 2026-09-21, in the evening in India


def lines(app: Flask, shop_id: UUID) -> list[tuple[Any, ...]]:
    """(kind, subject, when it happened, payload) of the shop's lines, without those of its opening."""
    query = sa.select(LINES.c.kind, LINES.c.subject_id, LINES.c.happened_at, LINES.c.payload)
    query = query.where(LINES.c.shop_id == shop_id).order_by(LINES.c.seq)
    with app.app_context():
        return [tuple(row) for row in db.session.execute(query) if not row.kind.startswith(("shop.", "member."))]


def test_it_works(owner: Browser, outbox: Outbox) -> None:
    """A new customer and their entries, all made with no network."""
    new = add("Ramesh", phone="98765 00001")
    party = new["subject"]
    first, second = entry(party, "gave", "120+80*2"), entry(party, "got", "80", fields={"note": "part"})
    cash = operation("cash.record", fields={"direction": "in", "amount": "500", "category": "sale"})
    for one in (new, first):
        one["id"] = one["subject"]  # as a phone has it of what is new
    told = outbox.ask(new, first, second, cash)
    assert [result["status"] for result in told["results"]] == ["done"] * 4
    assert [result["seq"] for result in told["results"]] == list(range(told["seq"] - 3, told["seq"] + 1))
    assert told["balances"] == {party: 20000}
    page = owner.get(f"/parties/{party}")
    assert "You will get ₹200" in page.text
    assert set(page.links("/entries/")) == {f"/entries/{first['subject']}", f"/entries/{second['subject']}"}
    assert "₹500" in owner.get("/cash").text


# every kind is what its form is

A, B, E, F, C, S = (str(new_id()) for _number in range(6))
SPENT = {"direction": "out", "amount": "40", "category": "rent", "note": "May"}
WRITTEN: list[tuple[str, dict[str, str], str, str, str | None]] = [
    # address of the form, its fields, kind, subject, party
    ("/parties", {"id": A, "name": "Asha", "kind": "customer", "phone": "98765 00001"}, "party.add", A, None),
    ("/parties", {"id": B, "name": "Bala", "kind": "supplier", "credit_limit": "900"}, "party.add", B, None),
    (f"/parties/{A}", {"name": "Asha K", "note": "by the well", "due_on": "2026-12-01"}, "party.edit", A, None),
    (f"/parties/{B}/kind", {"kind": "customer"}, "party.move", B, None),
    (f"/parties/{A}/entries", {"id": E, "direction": "gave", "amount": "50", "in_cash": "1"}, "entry.record", E, A),
    (f"/parties/{A}/entries", {"id": F, "direction": "got", "amount": "7.5", "on": "2026-05-01"}, "entry.record", F, A),
    (f"/entries/{E}", {"direction": "gave", "amount": "60", "version": "1", "note": "rice"}, "entry.edit", E, A),
    (f"/entries/{F}/deletion", {}, "entry.delete", F, A),
    (f"/entries/{F}/restoration", {}, "entry.restore", F, A),
    (f"/parties/{A}/settlement", {"id": S, "expected_minor": "5250", "in_cash": "1"}, "party.settle", A, None),
    (f"/parties/{A}/deletion", {}, "party.delete", A, None),
    (f"/parties/{A}/restoration", {}, "party.restore", A, None),
    ("/cash", {"id": C, **SPENT}, "cash.record", C, None),
    (f"/cash/{C}/deletion", {}, "cash.delete", C, None),
    (f"/cash/{C}/restoration", {}, "cash.restore", C, None),
]


def test_every_kind_leaves_what_its_form_leaves(app: Flask, owner: Browser, stranger: Browser) -> None:
    """The one shop fills in forms, the other sends the same as operations: lines and books are the same."""
    assert {kind for _url, _fields, kind, _subject, _party in WRITTEN} == set(KINDS)
    moment = str(clock.milliseconds(clock.now()))
    for url, fields, _kind, _subject, _party in WRITTEN:
        owner.post(url, {**fields, "at": moment})
    sent = [
        operation(kind, subject, party=party, fields=fields, at=int(moment))
        for _url, fields, kind, subject, party in WRITTEN
    ]
    theirs = Outbox(stranger, "+919812345678")
    assert theirs.states(*sent) == ["done"] * len(sent)
    ours = lines(app, place_of(app, OWNER)[0])
    assert ours == lines(app, theirs.shop)
    assert len(ours) == len(WRITTEN) + 1  # the account that was settled has no due day any more
    for url in (f"/parties/{A}", f"/parties/{B}", "/cash"):
        assert owner.get(url).text.replace("Asha Store", "Other Store") == stranger.get(url).text


# when


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        (0, True),
        (-600, True),
        (599, True),
        (601, False),
        (-399 * 86400, True),
        (-401 * 86400, False),
        (10 * 365 * 86400, False),
        (-10 * 365 * 86400, False),
    ],
)
def test_the_phones_time_is_kept_where_it_can_be_right(
    app: Flask, owner: Browser, outbox: Outbox, at: int, kept: bool
) -> None:
    with time_machine.travel(clock.now(), tick=False):
        moment = clock.milliseconds(clock.now()) + at * 1000
        new = add(at=str(moment)) | {"at": moment}
        assert outbox.states(new) == ["done"]
        owner.post("/parties", {"name": "Sita", "at": str(moment)})
    for line in lines(app, place_of(app, OWNER)[0]):
        assert (line[2] and clock.milliseconds(line[2])) == (moment if kept else None)


@pytest.mark.parametrize("at", [None, "soon", "", 10**13 + 0.5, 10**18, -5, True, [], {}, "9" * 400, "١٢٣"])
def test_a_time_that_is_none_is_no_reason_to_refuse(app: Flask, outbox: Outbox, at: object) -> None:
    assert outbox.states(add() | {"at": at}) == ["done"]
    assert lines(app, place_of(app, OWNER)[0])[0][2] is None


def test_what_names_no_day_is_of_the_day_it_was_written_on(owner: Browser, outbox: Outbox) -> None:
    """Written on Monday night with no network, sent on Wednesday."""
    new = add()
    party = new["subject"]
    monday = clock.now() - timedelta(days=2)
    moment = clock.milliseconds(monday)
    blank, chosen = entry(party, "gave", "10", at=moment), entry(party, "gave", "20", at=moment)
    chosen["fields"]["on"] = today().isoformat()
    settled = operation("party.settle", party, at=moment, fields={"id": str(new_id()), "expected_minor": "3000"})
    assert outbox.states(new, blank, chosen, settled) == ["done"] * 4
    written = clock.local(monday, "Asia/Kolkata").date().isoformat()
    assert [owner.get(f"/entries/{one['subject']}").hidden("on") for one in (blank, chosen)] == [
        written,
        today().isoformat(),
    ]
    assert owner.get(f"/entries/{settled['fields']['id']}").hidden("on") == written


# once


def test_the_same_again_is_known(app: Flask, outbox: Outbox) -> None:
    new = add()
    first = entry(new["subject"], "gave", "50")
    done = outbox.send(new, first)
    with app.app_context():
        before = dump()
    again = outbox.send(new, first | {"at": NOW}, first)
    assert [result["status"] for result in again] == ["done"] * 3
    assert [result["seq"] for result in again] == [done[0]["seq"], done[1]["seq"], done[1]["seq"]]
    spelled = {**first, "id": first["id"].replace("-", "").upper(), "party": first["party"].upper()}
    assert outbox.send(spelled) == [done[1]]
    with app.app_context():
        assert dump() == before


def test_twice_in_one_request_is_once(owner: Browser, outbox: Outbox) -> None:
    new = add()
    first = entry(new["subject"], "gave", "50")
    assert outbox.states(new, new, first, first) == ["done"] * 4
    assert "You will get ₹50" in owner.get(f"/parties/{new['subject']}").text


def test_again_long_after(app: Flask, owner: Browser, outbox: Outbox, hire: Callable[..., Browser]) -> None:
    """The party was deleted since, the entry changed, and it is another member who has the phone now."""
    new = add()
    party = new["subject"]
    first = entry(party, "gave", "50")
    gone = operation("party.delete", party)
    settled = operation("party.settle", party, fields={"id": str(new_id()), "expected_minor": "6000"})
    outbox.send(new, first, edit(first, "60"), settled, gone)
    cashier = Outbox(hire("cashier"), HELPER)
    with app.app_context():
        before = dump()
    with time_machine.travel(clock.now() + timedelta(days=30)):
        assert cashier.states(new, first, gone) == ["done"] * 3
    with app.app_context():
        assert dump() == before
    assert "Settled" in owner.get(f"/parties/{party}").text


def test_the_same_id_with_other_content_is_a_conflict(outbox: Outbox) -> None:
    new = add()
    first = entry(new["subject"], "gave", "50", fields={"note": "rice"})
    outbox.send(new, first, edit(first, "60", note="more rice", on="2026-05-02"))
    other = {**first, "fields": {"direction": "got", "amount": "50"}}
    (result,) = outbox.send(other)
    assert (result["status"], result["code"]) == ("conflict", "already_written")
    assert result["current"] == {
        "version": 2,
        "direction": "gave",
        "amount": "60.00",
        "on": "2026-05-02",
        "note": "more rice",
    }
    for changed in ({"kind": "entry.delete"}, {"subject": str(new_id())}, {"party": str(new_id())}, {"party": None}):
        assert outbox.states(first | changed) == ["conflict already_written"]


def test_a_row_of_the_same_id_with_other_content_is_a_conflict(owner: Browser, outbox: Outbox) -> None:
    """The phone sent the form itself, then the same entry otherwise from its outbox."""
    party = id_in(owner.add_party("Ramesh"))
    row, line = str(new_id()), str(new_id())
    owner.write(f"/parties/{party}", "gave", "50", id=row)
    owner.post("/cash", {"id": line, "direction": "in", "amount": "5"})
    assert outbox.states(
        entry(party, "gave", "50", row),
        entry(party, "gave", "70", row),
        add("Ramesh", party),
    ) == ["done", "conflict already_written", "skipped"]
    assert outbox.states(add("Other", party)) == ["conflict already_written"]
    spent = {"direction": "out", "amount": "5", "category": "rent"}
    assert outbox.states(operation("cash.record", line, fields=spent)) == ["conflict already_written"]
    settled = operation("party.settle", party, fields={"id": row, "expected_minor": "5000"})
    assert outbox.states(settled) == ["conflict already_written"]
    assert "You will get ₹50" in owner.get(f"/parties/{party}").text


def test_the_later_of_two_edits_sees_both(owner: Browser, outbox: Outbox) -> None:
    new = add()
    first = entry(new["subject"], "gave", "50", fields={"on": "2026-05-01"})
    outbox.send(new, first, edit(first, "60", on="2026-05-01"))
    late = edit(first, "70", on="2026-05-03")
    told = outbox.ask(late, edit(first, "80", "2"))
    assert [result["status"] for result in told["results"]] == ["conflict", "skipped"]
    assert told["results"][0]["code"] == "changed_meanwhile"
    current = told["results"][0]["current"]
    assert current == {"version": 2, "direction": "gave", "amount": "60.00", "on": "2026-05-01", "note": ""}
    assert told["balances"] == {new["subject"]: 6000}
    assert outbox.states(edit(first, "70", str(current["version"]))) == ["done"]
    assert "You will get ₹70" in owner.get(f"/parties/{new['subject']}").text


# refused alone

NOT_ONE: list[object] = [
    None, 5, "x", [], True, {}, {"id": 5}, [[[]]], [None] * 4, [None] * 5, [[], {}, [], {}, [], {}],
    [*add().values(), None], [str(new_id()), "party.add", None],
    add() | {"id": "x"}, add() | {"id": None}, add() | {"id": 7}, add() | {"id": "1" * 31 + "_"},
    add() | {"subject": ""}, add() | {"subject": ["x"]}, add() | {"subject": "{" + str(new_id()) + "}"},
    add() | {"party": 5}, add() | {"party": "me"}, add() | {"fields": None}, add() | {"fields": []},
    add() | {"fields": {"name": 5}}, add() | {"fields": {"name": None}}, add() | {"fields": {"name": ["A"]}},
    add() | {"fields": {"name": "half \ud83d"}}, add() | {"fields": {"\udc00": "x"}},
    add() | {"fields": {f"field {number}": "" for number in range(41)}},
]  # fmt: skip


@pytest.mark.parametrize("broken", NOT_ONE, ids=map(str, range(len(NOT_ONE))))
def test_what_is_no_operation_is_refused_alone(app: Flask, outbox: Outbox, broken: object) -> None:
    good = add("Good")
    before, refused, after = outbox.send(good, broken, entry(good["subject"], "gave", "5"))
    assert (before["status"], refused["status"], after["status"]) == ("done", "refused", "done")
    assert refused["code"] == "not_an_operation"
    assert "Write it again" in refused["message"]
    assert len(lines(app, place_of(app, OWNER)[0])) == 2


@pytest.mark.parametrize("kind", ["", "entry.fly", "ENTRY.RECORD", "party.merge", None, 5, [], {}, "x" * 9999])
def test_an_unknown_kind_is_refused_alone(outbox: Outbox, kind: object) -> None:
    assert outbox.states(add() | {"kind": kind}, add()) == ["refused unknown_kind", "done"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "1" * 2000}, "amount"),
        ({"amount": "5/0"}, "amount"),
        ({"amount": "\x00"}, "amount"),
        ({"direction": "up"}, "direction"),
        ({"on": "2026-02-31"}, "on"),
        ({"on": "2999-01-01"}, "on"),
        ({"note": "x" * 100_000}, "note"),
    ],
)
def test_a_wrong_field_is_refused_with_its_sentence(outbox: Outbox, fields: dict[str, str], field: str) -> None:
    new = add()
    outbox.send(new)
    wrong = entry(new["subject"], "gave", "5", fields=fields)
    (result,) = outbox.send(wrong)
    assert (result["status"], result["field"], result["code"]) == ("refused", field, "invalid")
    assert result["message"]
    wrong["fields"] = {"direction": "gave", "amount": "5"}
    assert outbox.states(wrong) == ["done"], "corrected, it goes"


def test_a_sentence_is_in_the_persons_language(owner: Browser, outbox: Outbox) -> None:
    owner.post("/me", {"name": "Asha", "lang": "hi"})
    (result,) = outbox.send(add(""))
    assert any("\u0900" <= letter <= "\u097f" for letter in result["message"])


def test_the_book_refuses(app: Flask, owner: Browser, outbox: Outbox) -> None:
    """A deleted party, a merged one, a number that is taken, an entry that was deleted: and nothing of it is left."""
    parties = [add(name) for name in ("Gone", "Merged", "Kept", "Busy")]
    gone, merged, kept, busy = (one["subject"] for one in parties)
    parties[3]["fields"]["phone"] = "98765 00001"
    struck = entry(busy, "gave", "5")
    outbox.send(*parties, struck, operation("party.delete", gone), operation("entry.delete", struck["subject"]))
    owner.post(f"/parties/{merged}/merge", {"into": kept})
    huge = [entry(kept, "gave", "99999999999.99") for _time in range(11)]
    assert outbox.states(entry(busy, "gave", "50"), *huge[:10]) == ["done"] * 11
    each = {
        "party_deleted": entry(gone, "gave", "5"),
        "party_merged": entry(merged, "gave", "5"),
        "merged": operation("party.restore", merged),
        "entry_deleted": edit(struck, "7"),
        "not_settled": operation("party.delete", busy),
        "balance_changed": operation("party.settle", busy, fields={"id": str(new_id()), "expected_minor": "1"}),
        "bad_id": operation("party.settle", busy, fields={"id": "x", "expected_minor": "5000"}),
        "number_taken": add("Twin", phone="98765 00001"),
        "balance_too_large": huge[10],
    }
    with app.app_context():
        before = dump()
    for code, one in each.items():
        (result,) = outbox.send(one)
        assert (result["status"], result["code"]) == ("refused", code)
        assert result["message"].endswith(".")
    with app.app_context():
        assert dump() == before
    assert "Write it there" in outbox.send(each["party_merged"])[0]["message"]
    assert outbox.send(each["number_taken"])[0]["message"] == "Busy already has this number."


def test_what_is_not_there_or_anothers_is_not_in_the_book(
    app: Flask, owner: Browser, stranger: Browser, outbox: Outbox
) -> None:
    theirs = id_in(stranger.add_party("Theirs"))
    row, line = str(new_id()), str(new_id())
    stranger.write(f"/parties/{theirs}", "gave", "50", id=row)
    stranger.post("/cash", {"id": line, "direction": "in", "amount": "5"})
    with app.app_context():
        before = dump()
    filled = {"name": "Mine", "kind": "supplier", "direction": "gave", "amount": "5", "version": "1"}
    filled |= {"expected_minor": "5000"}
    for kind in KINDS.keys() - {"party.add", "cash.record", "entry.record"}:
        subject = {"party": theirs, "entry": row, "cash": line}[kind.partition(".")[0]]
        for one in (subject, str(new_id())):
            told = outbox.ask(operation(kind, one, party=theirs, fields=filled))
            assert [(r["status"], r["code"]) for r in told["results"]] == [("refused", "not_found")], kind
            assert told["results"][0]["message"] == "This is not in the book of this shop."
            assert told["balances"] == {}
    assert outbox.states(entry(theirs, "gave", "5")) == ["refused not_found"]
    assert outbox.states(operation("entry.record", fields=filled)) == ["refused not_found"]
    with app.app_context():
        assert dump() == before


def test_what_was_refused_stops_its_own_party_only(owner: Browser, outbox: Outbox) -> None:
    one, two = add("One"), add("Two")
    bad = entry(one["subject"], "gave", "much")
    later = entry(one["subject"], "gave", "5")
    alone = operation("entry.delete", later["subject"])  # names no party: its entry was not written, so it waits, too
    others = entry(two["subject"], "gave", "7")
    settled = operation("party.settle", one["subject"], fields={"id": str(new_id()), "expected_minor": "0"})
    sent = (one, two, bad, others, later, alone, settled)
    assert outbox.states(*sent) == [
        "done",
        "done",
        "refused invalid",
        "done",
        "skipped",
        "skipped",
        "skipped",
    ]
    rest = (one, two, others, later, alone, settled)  # the phone sets the refused one aside
    assert outbox.states(*rest) == ["done"] * 6
    assert "Settled" in owner.get(f"/parties/{one['subject']}").text


def test_the_entry_of_a_settlement_waits_with_it(outbox: Outbox) -> None:
    new = add()
    settled = operation("party.settle", new["subject"], fields={"id": str(new_id()), "expected_minor": "500"})
    struck = operation("entry.delete", settled["fields"]["id"])
    assert outbox.states(new, settled, struck) == ["done", "refused balance_changed", "skipped"]


def test_a_change_keeps_the_photo(app: Flask, owner: Browser, outbox: Outbox) -> None:
    party = id_in(owner.add_party("Ramesh", photo=upload(picture())))  # type: ignore[arg-type]
    assert outbox.states(operation("party.edit", party, fields={"name": "Ramesh K"})) == ["done"]
    with app.app_context():
        row = row_of(UUID(party))
    assert row.name == "Ramesh K"
    assert row.photo_id is not None


def test_a_new_party_that_is_refused_keeps_its_entries_waiting(owner: Browser, outbox: Outbox) -> None:
    new = add("")
    first = entry(new["subject"], "gave", "5")
    assert outbox.states(new, first) == ["refused invalid", "skipped"]
    new["fields"]["name"] = "Ramesh"
    assert outbox.states(new, first) == ["done", "done"]


def test_even_what_can_not_be_read_stops_its_party(outbox: Outbox) -> None:
    new = add()
    outbox.send(new)
    broken = entry(new["subject"], "gave", "5") | {"kind": "entry.fly"}
    assert outbox.states(broken, entry(new["subject"], "gave", "5")) == ["refused unknown_kind", "skipped"]


# who


def test_each_operation_asks_for_its_own_permission(
    owner: Browser, outbox: Outbox, hire: Callable[..., Browser]
) -> None:
    """Whoever keeps the cash book only does that, and what others' parts of the request say is refused alone."""
    new = add()
    first = entry(new["subject"], "gave", "50")
    outbox.send(new, first)
    helper = Outbox(hire("cashier"), HELPER)
    owner.post(place(owner), {"role": "cashier", "may": ["keep_cash_book"]})
    party = new["subject"]
    sent = [
        add(), operation("party.edit", party, fields={"name": "X"}), operation("party.delete", party),
        entry(party, "gave", "5"), edit(first, "5"), operation("entry.delete", first["subject"]),
    ]  # fmt: skip
    for one in sent:
        assert helper.states(one) == ["refused forbidden"], one["kind"]
    cash = operation("cash.record", fields={"direction": "in", "amount": "5"})
    assert helper.states(sent[0], cash) == ["refused forbidden", "done"]


def test_a_cashier_changes_what_they_wrote_today(owner: Browser, outbox: Outbox, hire: Callable[..., Browser]) -> None:
    new = add()
    others = entry(new["subject"], "gave", "50")
    outbox.send(new, others)
    cashier = Outbox(hire("cashier"), HELPER)
    own = entry(new["subject"], "gave", "5")
    assert cashier.states(own, edit(own, "6"), edit(others, "6")) == ["done", "done", "refused forbidden"]
    with time_machine.travel(clock.now() + timedelta(days=1)):
        assert cashier.states(edit(own, "7", "2")) == ["refused forbidden"]


def test_who_may_not_see_balances_is_told_none(owner: Browser, outbox: Outbox, hire: Callable[..., Browser]) -> None:
    new = add()
    party = new["subject"]
    others = entry(party, "gave", "50")
    outbox.send(new, others)
    helper = Outbox(hire("cashier"), HELPER)
    owner.post(place(owner), {"role": "cashier", "may": ["see_parties", "record", "edit_parties", "edit_entries"]})
    own = entry(party, "gave", "7")
    told = helper.ask(own, more=",1")
    assert (told["results"][0]["status"], told["balances"]) == ("done", {})
    assert "checksum" not in told
    assert helper.states(edit(others, "5")) == ["refused not_found"], "it is not for their eyes"
    clash = entry(party, "gave", "5", others["subject"])
    assert helper.send(clash)[0]["current"] is None
    assert helper.send({**others, "fields": {}})[0]["current"] is None
    assert helper.send(entry(party, "gave", "8", own["subject"]))[0]["current"]["amount"] == "7.00"
    settled = operation("party.settle", party, fields={"id": str(new_id()), "expected_minor": "5700"})
    assert helper.states(settled) == ["refused forbidden"]
    assert helper.states(operation("party.delete", party)) == ["refused forbidden"]


def test_another_members_outbox_waits_for_them(app: Flask, owner: Browser, outbox: Outbox, stranger: Browser) -> None:
    ours = outbox.whose
    with app.app_context():
        before = dump()
    for whose in (Outbox(stranger, "+919812345678").whose, f"{ours}en", str(ours)[1:], "", "x", None, 5, [ours], {}):
        outbox.whose = whose
        answer = outbox.post(add())
        assert (answer.status_code, answer.get_json()) == (409, {"code": "other_member"})
    with app.app_context():
        assert dump() == before


def test_with_no_session_it_is_sent_to_the_door(owner: Browser, outbox: Outbox) -> None:
    owner.post("/sign-out")
    answer = outbox.post(add())
    assert (answer.status_code, answer.location) == (303, "/sign-in")


def test_a_form_of_another_site_is_refused(outbox: Outbox) -> None:
    sent = json.dumps([outbox.whose, [packed_of(add())]])
    headers = {"Origin": "https://evil.example"}
    assert outbox.browser.client.post("/sync", data=sent, headers=headers).status_code == 403


def test_a_shop_that_closes_takes_nothing(app: Flask, outbox: Outbox) -> None:
    with app.app_context():
        later = clock.now() + timedelta(days=5)
        moment = later if db.engine.dialect.name == "postgresql" else clock.milliseconds(later)
        shop = stored(outbox.shop)
        change_row("UPDATE shops SET erase_at = :at WHERE id = :shop", at=moment, shop=shop)
    assert outbox.post(add()).status_code == 403


# how much


def test_two_hundred_at_a_time(app: Flask, outbox: Outbox) -> None:
    new = add()
    sent: list[Operation] = [new, *(entry(new["subject"], "gave", "1") for _number in range(200))]
    answer = outbox.post(*sent)
    assert (answer.status_code, answer.get_json()) == (422, {"code": "too_many_operations"})
    assert lines(app, place_of(app, OWNER)[0]) == []
    assert outbox.states(*sent[:-1]) == ["done"] * 200


def test_a_quarter_of_a_megabyte_at_a_time(app: Flask, outbox: Outbox) -> None:
    answer = outbox.post(add("x" * 300_000))
    assert answer.status_code == 413
    assert lines(app, place_of(app, OWNER)[0]) == []
    assert outbox.states(add("x" * 200_000)) == ["refused invalid"]


@pytest.mark.parametrize(
    "body",
    [
        *("", "{}", "null", "5", '"x"', "[", "[1,]", "[NaN", "[" * 80_000, "\x00", "[{}]]", "undefined"),
        *("[]", "[[]]", "[1,{}]", "[1,null]", "[[],1]", "[1,[],1,1]", "whose=x", "\xff\xfe"),
    ],
)
def test_a_body_that_is_no_list_is_refused_whole(outbox: Outbox, body: str) -> None:
    answer = outbox.post_body(body.encode("latin-1"))
    assert (answer.status_code, answer.get_json()) == (422, {"code": "no_operations"})


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-0", "NaN", "Infinity"])
def test_a_number_that_no_phone_writes_spoils_nothing(outbox: Outbox, number: str) -> None:
    good = json.dumps(packed_of(add() | {"at": "here"})).replace('"here"', number)
    seq, results, _balances = outbox.post_body(f'["{outbox.whose}", [{good}, {number}]]').get_json()
    assert (results[0], results[1]["status"]) == (seq, "refused")


def test_nothing_sent_is_nothing_done(outbox: Outbox) -> None:
    told = outbox.ask()
    assert (told["results"], told["balances"]) == ([], {})


def test_a_fault_of_ours_is_no_refusal(app: Flask, owner: Browser, outbox: Outbox) -> None:
    """What nobody foresaw undoes the whole request, so that the phone sends all of it again."""
    outbox.send(add())
    with app.app_context():
        shop = stored(outbox.shop)
        change_row("UPDATE journal_heads SET seq = seq - 1 WHERE shop_id = :shop", shop=shop)
        before = dump()
    assert outbox.post(add(""), add("One"), add("Two")).status_code == 500
    with app.app_context():
        assert dump() == before
        change_row("UPDATE journal_heads SET seq = seq + 1 WHERE shop_id = :shop", shop=shop)
    assert outbox.states(add("One")) == ["done"]
