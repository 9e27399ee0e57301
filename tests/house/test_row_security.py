"""PostgreSQL's own word on whose rows are seen: it must hold alone, on the day a query forgets its shop."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from khata.accounts.models import Member
from khata.accounts.permissions import ROLES
from khata.core import row_security
from khata.core.db import Base, db, transaction
from khata.core.ids import new_id
from khata.core.row_security import EVERY_SHOP, HOUSE_ROLE, SHOP_ROLE, sight
from khata.messages.models import HOUSE
from tests.client import Browser
from tests.databases import LOGIN, OWNER, as_login, new_database, start_postgresql
from tests.factories import dump
from tests.house.test_access import FORMS, OWNED, address, routes, theirs
from tests.installation import Installation

if os.environ.get("KHATA_TEST_DATABASE") != "postgresql":
    pytest.skip("SQLite has no row-level security", allow_module_level=True)

__all__ = ["theirs"]

# What of a shop any shop may see or do, and which table with a shop_id is no shop's: each with its reason in 0004.
EXCEPTIONS = {("messages", "to_the_house"), ("devices", "of_its_members")}
UNPROTECTED = {"sessions"}

PROTECTED = sorted(
    {"shops", *(table.name for table in Base.metadata.sorted_tables if "shop_id" in table.c)} - UNPROTECTED
)


def rows(statement: str, **values: Any) -> list[Any]:
    with db.engine.connect() as connection:
        return list(connection.execute(sa.text(statement), values))


# how it is laid out


@pytest.mark.parametrize("table", PROTECTED)
def test_a_table_of_shops_is_protected(context: Flask, table: str) -> None:
    [(on, for_owner)] = rows(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = to_regclass(:table)", table=table
    )
    assert (on, for_owner) == (True, True)
    policies = rows(
        "SELECT policyname AS name, roles, cmd, qual, with_check FROM pg_policies WHERE tablename = :table", table=table
    )
    of_shop = {row.name: row for row in policies if row.roles == [SHOP_ROLE]}
    assert {(table, name) for name in of_shop} - EXCEPTIONS == {(table, "of_the_shop")}
    assert "current_setting('khata.shop_id'" in of_shop["of_the_shop"].qual
    assert of_shop["of_the_shop"].cmd == "ALL"
    assert of_shop["of_the_shop"].with_check is None  # then what is written is held to the same
    assert [(row.qual, row.cmd) for row in policies if row.roles == [HOUSE_ROLE]] == [("true", "ALL")]
    assert all(row.roles in ([SHOP_ROLE], [HOUSE_ROLE]) for row in policies)


def test_the_roles_own_nothing_and_pass_by_nothing(context: Flask) -> None:
    names = [SHOP_ROLE, HOUSE_ROLE, LOGIN]
    for row in rows("SELECT * FROM pg_roles WHERE rolname = ANY(:names)", names=names):
        assert not any((row.rolsuper, row.rolbypassrls, row.rolcreaterole, row.rolcreatedb)), row.rolname
        assert row.rolcanlogin == (row.rolname == LOGIN)
    owners = rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = current_schema()")
    assert [row.tableowner for row in owners] == [OWNER]
    assert rows(f"SELECT pg_has_role('{SHOP_ROLE}', '{HOUSE_ROLE}', 'MEMBER')") == [(False,)]


def test_the_login_may_do_nothing_without_a_role(context: Flask) -> None:
    with db.engine.connect().execution_options(khata_as_owner=True) as connection:
        assert connection.scalar(sa.text("SELECT current_user")) == LOGIN
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.text("SELECT * FROM people"))


def test_the_owner_of_the_tables_sees_no_row_either(owner: Browser) -> None:
    with owner.app.app_context():
        url = as_login(str(db.engine.url), OWNER).replace("postgresql+psycopg://", "postgresql://")
    with closing(psycopg.connect(url)) as connection:
        assert connection.execute("SELECT current_user, count(*) FROM parties").fetchall() == [(OWNER, 0)]


# what a request does


class Asking(psycopg.Cursor[Any]):
    """A cursor that asks before each statement as whom, and in which shop, it is run."""

    heard: list[tuple[str, str, str]] = []  # noqa: RUF012

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        if self.connection.info.transaction_status.name == "INTRANS" and not query.startswith("SET LOCAL"):
            words = "SELECT current_user, current_setting('khata.shop_id', true)"
            with closing(psycopg.Cursor(self.connection)) as asking:
                user, shop_id = asking.execute(words).fetchone() or ("", "")
            self.heard.append((user, shop_id, query))
        return super().execute(query, *arguments, **options)


@contextmanager
def cursors(app: Flask, kind: type[psycopg.Cursor[Any]]) -> Iterator[None]:
    """Everything that is sent to the database goes through cursors of this kind."""
    with app.app_context():
        engine = db.engine

    def dress(connection: Any, *_rest: Any) -> None:
        connection.cursor_factory = kind

    event.listen(engine, "checkout", dress)
    try:
        yield
    finally:
        event.remove(engine, "checkout", dress)
        engine.dispose()


def test_a_request_runs_as_its_shop(app: Flask, owner: Browser) -> None:
    party = owner.add_party()
    [(shop_id,)] = _in(app, "SELECT id FROM shops")
    Asking.heard.clear()
    with cursors(app, Asking):
        for url in ("/", party, "/daybook", "/cash", "/members", "/phones"):
            owner.get(url)
        owner.write(party, "gave", "50")
    of_house = {query for user, _shop, query in Asking.heard if user == HOUSE_ROLE}
    of_shop = {(user, shop) for user, shop, _query in Asking.heard if user != HOUSE_ROLE}
    assert of_shop == {(SHOP_ROLE, shop_id.hex)}
    assert {re.search(r"FROM (\w+)", query)[1] for query in of_house} == {"sessions"}  # type: ignore[index]
    assert len(Asking.heard) > 30


def test_a_visitor_sees_no_shop(app: Flask, owner: Browser, visitor: Browser) -> None:
    Asking.heard.clear()
    with cursors(app, Asking):
        visitor.get("/sign-in")
        visitor.post("/sign-in", {"phone": "+919876500077"})
        visitor.raw("GET", "/readyz")
    to_send = {(user, shop) for user, shop, query in Asking.heard if "messages" in query and "INSERT" not in query}
    assert to_send == {(SHOP_ROLE, HOUSE.hex)}  # the worker's part, which is done at once here
    assert {(user, shop or "") for user, shop, _query in Asking.heard} - to_send == {(SHOP_ROLE, "")}


def test_nothing_of_it_outlives_the_request(owner: Browser, stranger: Browser) -> None:
    for url, status in (("/", 200), ("/parties/" + str(new_id()), 404), ("/no-such-page", 404)):
        owner.get(url, status)
        assert sight() == EVERY_SHOP
    owner.post("/parties", {"name": ""}, status=422)
    assert sight() == EVERY_SHOP


def test_nothing_of_it_stays_on_the_connection(owner: Browser) -> None:
    """So a pooler may give the connection to somebody else after each transaction."""
    owner.get("/")
    with owner.app.app_context():
        held = [db.engine.raw_connection() for _connection in range(db.engine.pool.checkedin())]  # type: ignore[attr-defined]
    words = "SELECT current_user, current_setting('role'), coalesce(current_setting('khata.shop_id', true), '')"
    found = {connection.cursor().execute(words).fetchone() for connection in held}
    assert found == {(LOGIN, "none", "")}
    for connection in held:
        connection.close()


def test_requests_side_by_side_keep_apart(open_shop: Callable[..., Browser]) -> None:
    browsers = {name: open_shop(f"+91987650010{at}", name=name) for at, name in enumerate(("Anna", "Bela", "Chand"))}
    for name, browser in browsers.items():
        browser.add_party(f"customer of {name}")
    faults: list[str] = []

    def visit(name: str, browser: Browser) -> None:
        for at in range(12):
            text = browser.raw("GET", f"/?q=customer&at={at}").get_data(as_text=True)
            if f"customer of {name}" not in text or any(f"of {other}" in text for other in browsers if other != name):
                faults.append(name)

    threads = [threading.Thread(target=visit, args=each) for each in browsers.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


# the query's filter taken away

FILTER = re.compile(r"\b(?:(?:\w+\.)?shop_id|shops\.id) = (?:%\(\w+\)s(?:::UUID)?|\w+\.shop_id)")


class Unfiltered(psycopg.Cursor[Any]):
    """A cursor to which all shops are one: what a request compares with its shop is always equal."""

    taken = 0
    left: set[str] = set()  # noqa: RUF012

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        if not sight().is_everywhere:
            query, count = FILTER.subn("true", query)
            Unfiltered.taken += count
            self.left.update(re.findall(r"(?<!khata\.)shop_id\)? (?:=|<|>|IN|ANY|IS) .{,40}", query))
        return super().execute(query, *arguments, **options)


def attack(app: Flask, browser: Browser, ids: dict[str, UUID]) -> dict[str, tuple[int, bool]]:
    """(status, whether the other shop shows) of every address and method with the other shop's ids."""
    found = {}
    for rule, method in routes(app):
        if rule.arguments <= set(OWNED) and (rule.arguments or method == "GET") and "." in rule.endpoint:
            form = FORMS.get(rule.endpoint, {}) if method == "POST" else None
            answer = browser.raw(method, address(app, rule, ids), data=form)
            shows = any(word in answer.data for word in (b"Theirs", b"Other Store"))
            found[f"{method} {rule.rule}"] = (answer.status_code, shows)
            answer.close()
    return found


@pytest.mark.parametrize("role", sorted(ROLES))
def test_what_is_not_yours_is_not_there_though_no_query_asks(
    app: Flask, owner: Browser, theirs: dict[str, UUID], role: str
) -> None:
    owner.add_party("Mine")
    with app.app_context(), transaction():
        mine = Member.__table__.c.shop_id != theirs["shop_id"]
        db.session.execute(sa.update(Member).where(mine).values(role=role))
    with app.app_context():
        before = dump()
    Unfiltered.taken = 0
    with cursors(app, Unfiltered):
        found = attack(app, owner, theirs)
    assert Unfiltered.taken > 10
    assert Unfiltered.left == set()
    assert {what: status for what, (status, _shows) in found.items() if "<" in what and status not in (403, 404)} == {}
    assert {what: status for what, (status, shows) in found.items() if shows or status >= 500} == {}
    with app.app_context():
        assert dump() == before


def test_without_row_security_it_would_be(
    app: Flask, owner: Browser, theirs: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the filter was really taken away, and nothing but row security held."""
    owner.add_party("Mine")
    with app.app_context():
        before = dump()
    monkeypatch.setattr(row_security, "SHOP_ROLE", HOUSE_ROLE)
    with cursors(app, Unfiltered):
        found = attack(app, owner, theirs)
    with app.app_context():
        assert dump() != before
    leaks = {what for what, (status, shows) in found.items() if shows and status == 200}
    # Not the day book: lines of two shops with the same numbers may be more than it can put into words.
    assert {"GET /parties/<uuid:party_id>", "GET /entries/<uuid:entry_id>"} <= leaks


# installing it


@pytest.fixture
def fresh_server() -> Iterator[str]:
    """A server where nobody has made any role yet."""
    with start_postgresql() as url:
        yield url


def test_a_login_that_may_make_no_roles_hears_what_to_do(fresh_server: str, tmp_path: Path) -> None:
    _administer(fresh_server, "CREATE ROLE humble LOGIN")
    khata = Installation(tmp_path, new_database(fresh_server, "humble", "humble"))
    said = khata.flask("db", "upgrade", check=False)
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    steps = re.search(r"administrator run: (.*); and then", said.stderr)
    assert steps
    _administer(fresh_server, *steps[1].split(";"))
    khata.flask("db", "upgrade")
    assert "0 shops" in khata.flask("verify").stdout


def test_one_login_that_may_make_roles_needs_nobody(fresh_server: str, tmp_path: Path) -> None:
    _administer(fresh_server, "CREATE ROLE able LOGIN CREATEROLE")
    one, two = (_installed(fresh_server, tmp_path / name) for name in ("one", "two"))  # the second finds the roles
    one.flask("db", "downgrade", "base")
    assert _roles(fresh_server) == {SHOP_ROLE, HOUSE_ROLE}
    assert "1 shops: balances and journal agree" in two.flask("verify").stdout
    two.flask("db", "downgrade", "base")
    assert _roles(fresh_server) == set()


def _installed(server: str, folder: Path) -> Installation:
    folder.mkdir()
    khata = Installation(folder, new_database(server, folder.name, "able"))
    khata.flask("db", "upgrade")
    khata.flask("demo")
    assert "1 shops: balances and journal agree" in khata.flask("verify").stdout
    return khata


def _administer(server: str, *statements: str) -> list[Any]:
    url = server.replace("postgresql+psycopg://", "postgresql://")
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        found = [connection.execute(statement) for statement in statements if statement.strip()]
        return found[-1].fetchall() if found and found[-1].description else []


def _roles(server: str) -> set[str]:
    return {name for (name,) in _administer(server, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'khata%'")}


def _in(app: Flask, statement: str) -> list[Any]:
    with app.app_context():
        return rows(statement)
