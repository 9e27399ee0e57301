"""Deleting a shop: asked twice, taken back for 30 days, then really gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from khata.accounts.models import Device, Person, Shop
from khata.core.db import Base, db, transaction
from khata.core.ids import new_id
from khata.ledger.verification import differences
from khata.privacy import erasing
from khata.web.auth import PUBLIC, SIGNED_IN
from tasks import privacy
from tests.accounts.conftest import HELPER
from tests.client import Browser, sign_in
from tests.factories import dump
from tests.privacy.conftest import CUSTOMER, NOTE, NUMBER, OWNER, SHOP, STAFF, days_later, erase, files

NAME = {"name": SHOP}


def close(owner: Browser) -> None:
    owner.post("/shops/deletion", NAME, then="/")


def test_it_works(app: Flask, full: Browser, left: Callable[..., list[str]]) -> None:
    assert full.get("/shops/settings").links("/shops/deletion")
    page = full.get("/shops/deletion")
    assert page.links("/exports")
    full.post("/shops/deletion", NAME, then="/")
    assert "This shop will be deleted on" in full.get("/").text
    with days_later(29):
        erase(app)
        assert CUSTOMER in full.get("/").text
    assert left(CUSTOMER, SHOP) == [CUSTOMER, SHOP]
    with days_later(30):
        erase(app)
        assert full.raw("GET", "/").location == "/shops/new"
    assert left(CUSTOMER, SHOP, NUMBER, NOTE, STAFF, "quaint") == []


def test_nothing_of_it_is_left_anywhere(app: Flask, full: Browser, stranger: Browser, data_dir: Path) -> None:
    """Every row of every table, and every file; not a row of the neighbour."""
    with app.app_context():
        shop_id = db.session.scalar(sa.select(Shop.id).where(Shop.name == SHOP))
        full_tables = {name for name, rows in dump().items() if rows}
        assert {table.name for table in erasing.tables_of_shops()} - full_tables <= {
            "messages",
            "notices",
            "operations",
        }
    party = stranger.add_party("Neighbours Customer")
    stranger.write(party, "gave", "5")
    others = {name: rows for name, rows in theirs(app, "Other Store").items() if rows}
    assert files(data_dir)
    close(full)
    with days_later(31):
        erase(app)
    assert theirs(app, "Other Store") | others == theirs(app, "Other Store"), "the neighbour has all that it had"
    with app.app_context():
        assert shop_id is not None
        everything = repr(dump())
        assert repr(shop_id) not in everything
        assert SHOP not in everything
    assert files(data_dir) == []


def theirs(app: Flask, name: str) -> dict[str, list[Any]]:
    """All rows of the shop called `name`."""
    with app.app_context(), db.engine.connect() as connection:
        shop_id = connection.execute(sa.select(Shop.id).where(Shop.name == name)).scalar()
        return {
            table.name: sorted(
                map(tuple, connection.execute(sa.select(table).where(table.c.shop_id == shop_id))), key=repr
            )
            for table in Base.metadata.sorted_tables
            if "shop_id" in table.c
        }


def test_every_table_with_rows_of_a_shop_is_erased() -> None:
    """Each has its shop in its key; what only points at a shop is let go. A new table that is neither fails here."""
    pointing = {table.name for table in Base.metadata.sorted_tables if _points_at_shop(table)}
    erased = {table.name for table in erasing.tables_of_shops()}
    assert pointing - erased == erasing.POINTERS
    assert all("shop_id" in table.primary_key.columns for table in erasing.tables_of_shops())
    names = [table.name for table in erasing.tables_of_shops()]
    assert names.index("entries") < names.index("parties"), "what points at another row goes first"


def _points_at_shop(table: sa.Table) -> bool:
    return "shop_id" in table.c or any(key.column.table.name == "shops" for key in table.foreign_keys)


def test_the_name_is_typed_and_only_an_owner_may(owner: Browser, hire: Callable[..., Browser]) -> None:
    page = owner.post("/shops/deletion", {"name": "Asha"}, status=422)
    assert "not the shop’s name" in page.text
    assert "Asha" in page.html
    assert "will be deleted" not in owner.get("/").text
    manager = hire("manager")
    give_settings(owner)
    assert "/shops/deletion" not in manager.get("/shops/settings").html
    manager.get("/shops/deletion", status=403)
    manager.post("/shops/deletion", NAME, status=403)
    owner.post("/shops/deletion", {"name": " asha  STORE "}, then="/")


def give_settings(owner: Browser) -> None:
    page = owner.get("/members").html.split(HELPER)[1]
    member = page.split('action="')[1].split('"')[0]
    owner.post(member, {"role": "manager", "may": ["settings", "see_parties"]}, then="/members")


def test_a_pin_or_an_old_proof_is_not_enough(owner: Browser) -> None:
    with days_later(1):
        for method in ("GET", "POST"):
            assert owner.raw(method, "/shops/deletion", data=NAME).location == "/proof"
        assert "will be deleted" not in owner.get("/").text


def test_everybody_sees_it_and_an_owner_takes_it_back(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    owner.add_party(CUSTOMER)
    cashier.get("/")
    close(owner)
    for browser, may_keep in ((owner, True), (cashier, False)):
        page = browser.get("/")
        assert "This shop will be deleted on" in page.text
        assert CUSTOMER in page.text
        assert ("Keep the shop" in page.text) == may_keep
    cashier.post("/shops/deletion/end", status=403)
    owner.post("/shops/deletion/end", then="/")
    assert "will be deleted" not in cashier.get("/").text
    cashier.write(owner.add_party("Sita"), "gave", "5")
    told = owner.get("/daybook?kind=shop").text
    assert "The shop is to be deleted in 30 days" in told
    assert "The shop is kept after all" in told


def test_what_was_taken_back_is_not_erased(app: Flask, full: Browser) -> None:
    close(full)
    full.post("/shops/deletion/end")
    with days_later(40):
        erase(app)
        assert CUSTOMER in full.get("/").text
    with app.app_context():
        (shop,) = db.session.scalars(sa.select(Shop))
        assert list(differences(shop.id, shop.currency)) == []


STILL = {
    "imports.take_out", "privacy.keep_shop", "accounts.read_notice", "accounts.sign_out_phone",
    "accounts.sign_out_member",
}  # fmt: skip


def writing_routes(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        access = app.view_functions[rule.endpoint].khata_access
        if "POST" in (rule.methods or ()) and access not in (PUBLIC, SIGNED_IN):
            yield rule


def test_it_is_read_and_taken_out_but_nothing_is_written(app: Flask, full: Browser) -> None:
    """Generated from the routes: every form of the shop but five is refused, and not a row changes."""
    close(full)
    with app.app_context():
        before = dump()
    for rule in writing_routes(app):
        if rule.endpoint not in STILL:
            url = app.url_map.bind("localhost").build(rule.endpoint, {name: new_id() for name in rule.arguments})
            page = full.post(url, {"name": "New", "direction": "gave", "amount": "5"}, status=403)
            assert "Keep it first" in page.text, url
    with app.app_context():
        assert dump() == before
    for url in (
        "/",
        "/daybook",
        "/exports",
        "/menu",
        "/shops/settings",
        "/members",
        full.get("/").links("/parties/")[0],
    ):
        full.get(url)
    assert "Keep it first" in full.get("/parties/new", status=403).text
    for url in ("/", full.get("/").links("/parties/")[0], "/cash", "/menu"):
        page = full.get(url)
        assert not page.links("/parties/new") + page.links("/imports/new"), "nothing is offered that would be refused"
        sent = {form.get("action", "") for form in page.all("form") if form.get("method") == "post"}
        assert sent <= {"/shops/deletion/end", "/sign-out"} | {one for one in sent if one.startswith("/notices/")}
    assert full.take_out("shop.zip").data
    assert {rule.endpoint for rule in writing_routes(app)} > STILL


def test_other_shops_go_on(owner: Browser) -> None:
    """Switching, opening another one, signing out: all as before."""
    close(owner)
    owner.post("/shops/new", {"name": "Second", "category": "milk"}, then="/")
    owner.add_party("Sita")
    assert "will be deleted" not in owner.get("/").text
    other = next(form["action"] for form in owner.get("/shops").all("form") if form["action"].endswith("/current"))
    owner.post(other, then="/")
    assert "will be deleted" in owner.get("/").text
    owner.post("/sign-out", then="/sign-in")


def test_once_begun_nobody_gets_in_and_there_is_no_way_back(
    app: Flask, full: Browser, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill may come at any step: the next run finds the shop and goes on; `verify` has nothing to say of it."""
    page = full.get("/members")
    link = next(url for url in page.links("http://localhost/invitations/"))
    full.get("/")
    close(full)
    with days_later(30):
        monkeypatch.setattr(privacy, "CHUNK", 2)
        steps = iter(range(100))

        def die_at_the_third(shop_id: Any, most: int, really: Any = erasing.erase_some) -> int:
            if next(steps) == 3:
                raise KeyboardInterrupt
            return int(really(shop_id, most))

        monkeypatch.setattr(erasing, "erase_some", die_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            erase(app)
        for url in ("/", "/exports", "/shops/settings"):
            assert full.raw("GET", url).location == "/shops/new", url
        assert full.raw("POST", "/shops/deletion/end").location == "/shops/new"
        visitor.get(link.removeprefix("http://localhost"), status=404)
        with app.app_context():
            assert "0 shops" in app.test_cli_runner().invoke(args=["verify"]).output
        monkeypatch.setattr(erasing, "erase_some", erasing.erase_some)
        erase(app)
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Shop)) == 0


def test_keeping_it_comes_too_late_once_erasing_has_begun(app: Flask, owner: Browser) -> None:
    """The form was on its way when the shop was shut."""
    from khata.core.actor import Actor
    from khata.errors import NotFound
    from khata.privacy import actions

    close(owner)
    with app.app_context():
        shop = db.session.scalars(sa.select(Shop)).one()
        member = db.session.scalar(sa.select(Base.metadata.tables["members"].c.id))
        actor = Actor(shop.id, member)
    with days_later(31), app.app_context():
        with transaction():
            assert erasing.shut(actor.shop_id)
        with pytest.raises(NotFound), transaction():
            actions.keep_shop(actor)


def test_who_worked_there_by_pin_only_goes_too(app: Flask, full: Browser, left: Callable[..., list[str]]) -> None:
    """The owner keeps the account: it has a number, and may open another shop."""
    close(full)
    with days_later(31):
        erase(app)
        assert left(STAFF) == []
        full.post("/shops/new", {"name": "Second", "category": "milk"}, then="/")
    with app.app_context():
        assert db.session.scalars(sa.select(Person.phone)).all() == [OWNER]
        assert set(db.session.scalars(sa.select(Device.lock_seconds))) == {None}


def test_a_fault_in_one_does_not_keep_the_others(
    app: Flask, owner: Browser, stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        broken = db.session.scalar(sa.select(Shop.id).where(Shop.name == SHOP))
    close(owner)
    stranger.post("/shops/deletion", {"name": "Other Store"}, then="/")
    really = erasing.finish

    def fail(shop_id: Any) -> None:
        if shop_id == broken:
            raise RuntimeError("a fault")
        really(shop_id)

    monkeypatch.setattr(erasing, "finish", fail)
    with days_later(31):
        erase(app)
        with app.app_context():
            assert db.session.scalars(sa.select(Shop.id)).all() == [broken]
        monkeypatch.setattr(erasing, "finish", really)
        erase(app)
    with app.app_context():
        assert db.session.scalars(sa.select(Shop.id)).all() == []


def test_nobody_waits_long(app: Flask, full: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction deletes more rows than a chunk, but for the few last ones."""
    monkeypatch.setattr(privacy, "CHUNK", 3)
    most: list[int] = []
    really = erasing.erase_some
    monkeypatch.setattr(erasing, "erase_some", lambda shop, rows: most.append(n := really(shop, rows)) or n)
    close(full)
    with days_later(31):
        erase(app)
    assert max(most) == 3
    assert len(most) > 10


def test_who_signs_in_meanwhile_sees_it_too(app: Flask, full: Browser) -> None:
    close(full)
    phone = Browser(app)
    sign_in(phone, OWNER)
    assert "This shop will be deleted on" in phone.get("/").text
