"""The journal: one line for everything that happens, each tied to the one before."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.journal import queries
from khata.journal.actions import GENESIS, Event, canonical, line_hash, record, record_all
from khata.journal.models import JournalLine
from tests.client import Browser
from tests.factories import make_shop

LINES = JournalLine.__table__


def lines(shop_id: UUID) -> list[sa.Row[tuple[object, ...]]]:
    found = list(queries.chain(shop_id))
    db.session.rollback()
    return found


def test_it_works(context: Flask) -> None:
    shop = make_shop()
    subject, when = new_id(), datetime(2026, 3, 10, 12, tzinfo=UTC)
    with transaction():
        assert record(shop, Event("test.happened", subject, {"b": 1, "a": "रमेश"}, when)) == 2
        assert record_all(shop, [Event("test.more", None, {})] * 3) == 5
    opened, happened, *_more, last = lines(shop.shop_id)
    assert opened.kind == "shop.opened"
    assert (happened.payload, happened.happened_at, happened.member_id) == ('{"a":"रमेश","b":1}', when, shop.member_id)
    assert opened.hash == line_hash(GENESIS, opened._mapping)
    assert happened.hash == line_hash(opened.hash, happened._mapping)
    assert queries.head(shop.shop_id) == (5, last.hash)


def test_each_shop_has_a_chain_of_its_own(context: Flask) -> None:
    shops = [make_shop(f"+91987650000{number}") for number in range(2)]
    for shop in shops:
        with transaction():
            record(shop, Event("test.happened", None, {}))
    assert [[line.seq for line in lines(shop.shop_id)] for shop in shops] == [[1, 2], [1, 2]]


def test_what_is_rolled_back_has_no_line(context: Flask) -> None:
    shop = make_shop()
    with suppress(RuntimeError), transaction():
        record(shop, Event("test.happened", None, {}))
        raise RuntimeError
    with transaction():
        assert record(shop, Event("test.happened", None, {})) == 2


def test_every_line_tells_who_and_where(owner: Browser) -> None:
    party = owner.add_party()
    owner.write(party, "gave", "5")
    with owner.app.app_context(), db.engine.connect() as connection:
        written = connection.execute(sa.select(LINES).order_by(LINES.c.seq)).all()
    assert [line.kind for line in written] == ["shop.opened", "party.added", "entry.recorded"]
    for line in written:
        assert line.member_id is not None
        assert line.device_id is not None
        assert line.recorded_at.tzinfo is not None
        assert json.loads(line.payload)


VALUES = st.none() | st.booleans() | st.integers() | st.text()


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.dictionaries(st.text(), VALUES))
def test_facts_have_one_spelling(facts: dict[str, object]) -> None:
    spelled = canonical(facts)
    assert canonical(json.loads(spelled)) == spelled
    assert canonical(dict(reversed(facts.items()))) == spelled


def test_every_field_counts_in_the_hash(context: Flask) -> None:
    shop = make_shop()
    line = dict(lines(shop.shop_id)[0]._mapping)
    hashes = {line_hash(GENESIS, line), line_hash(bytes(31) + b"1", line)}
    changes: dict[str, object] = {
        "shop_id": new_id(),
        "seq": 2,
        "kind": "x",
        "subject_id": None,
        "member_id": None,
        "device_id": new_id(),
        "happened_at": line["recorded_at"],
        "recorded_at": datetime(2020, 1, 1, tzinfo=UTC),
        "payload": "{}",
    }
    assert set(changes) | {"hash"} == {column.name for column in LINES.columns}
    for field, value in changes.items():
        hashes.add(line_hash(GENESIS, {**line, field: value}))
    assert len(hashes) == 2 + len(changes)
