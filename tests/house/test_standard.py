"""What OWASP's ASVS asks for and no other test proves. docs/asvs.csv says which test proves which requirement."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import io
import json
import re
import secrets
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import argon2
import pytest
import sqlalchemy as sa
import structlog
import time_machine
from flask import Flask

import tasks
from khata import create_app
from khata.accounts import sessions
from khata.accounts.models import Person, SignInCode
from khata.core import clock, hashing
from khata.core.db import Base, db
from khata.core.ids import new_id
from khata.settings import load_settings
from tests.client import Browser, Page, last_code, sign_in
from tests.factories import dump, picture, upload

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted([*(ROOT / "khata").rglob("*.py"), *(ROOT / "tasks").rglob("*.py"), ROOT / "app.py"])
CODE = [path for path in CODE if "migrations" not in path.parts]
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
PHONE, HTTPS = "+919876543210", {"base_url": "https://localhost", "headers": {"Origin": "https://localhost"}}
HOSTILE = "' OR 1=1; -- \"><script>alert(1)</script>javascript:alert(2)//{{7*7}}"


# every page that can be asked for


@pytest.fixture
def pages(owner: Browser) -> list[str]:
    """The address of every route that answers GET, in a shop with hostile words in every field."""
    party = owner.add_party(HOSTILE, note=HOSTILE, address=HOSTILE, phone="9876500002")
    fields: dict[str, Any] = {"direction": "gave", "amount": "10", "note": HOSTILE, "photo": upload(picture())}
    owner.post(f"{party}/entries", fields)
    owner.post("/cash", {"direction": "in", "amount": "5", "note": HOSTILE})
    owner.post(
        "/imports",
        {"file": upload(f"name,{HOSTILE}\nAsha,x\n".encode(), "<script>alert(3)</script>.csv"), "format": "csv"},
    )
    with owner.app.app_context():
        found = _ids(db.session)
    adapter = owner.app.url_map.bind("localhost")
    rules = [rule for rule in owner.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    built = [
        adapter.build(rule.endpoint, {name: found.get(name, new_id()) for name in rule.arguments}) for rule in rules
    ]
    return sorted({*built, "/?sort=name&q=ra", "/?kind=supplier&q=" + HOSTILE.replace("/", ""), "/nowhere"})


def _ids(session: Any) -> dict[str, UUID]:
    tables = {"party_id": "parties", "entry_id": "entries", "cash_id": "cash_entries", "import_id": "imports"}
    columns = {**{name: (table, "id") for name, table in tables.items()}, "photo_id": ("entries", "photo_id")}
    return {
        name: session.scalar(sa.select(Base.metadata.tables[table].c[id_])) for name, (table, id_) in columns.items()
    }


def read(browser: Browser, url: str, **options: Any) -> tuple[int, str, str, str]:
    """(status, content type, Cache-Control, text) of an address."""
    with browser.raw("GET", url, **options) as answer:
        kept = answer.headers.get("Cache-Control", "")
        return answer.status_code, answer.content_type or "", kept, answer.data.decode("utf-8", "replace")


def style_sheet(browser: Browser) -> str:
    return "/static/" + str(browser.app.extensions["khata_assets"].served_name("khata.css"))


def test_reading_changes_nothing(owner: Browser, pages: list[str]) -> None:
    with owner.app.app_context():
        before = dump()
    for url in pages:
        for method in ("GET", "HEAD", "OPTIONS"):
            owner.raw(method, url).close()
    with owner.app.app_context():
        assert dump() == before


def test_pages_lead_nowhere_else_and_run_nothing(owner: Browser, pages: list[str]) -> None:
    """No tracker, no foreign script or picture, no javascript: address, whatever words stand in the books."""
    for url in pages:
        status, kind, _kept, text = read(owner, url)
        assert status in (200, 303, 404, 503), url
        if not kind.startswith("text/html"):
            continue
        for tag, attributes in Page(text).elements:
            assert tag not in ("object", "embed", "applet", "iframe", "frame", "base"), url
            for name in ("href", "src", "action", "formaction", "hx-get", "hx-post", "srcset", "poster", "ping"):
                parts = urlsplit(attributes.get(name, ""))
                assert (parts.scheme, parts.netloc) in (("", ""), ("tel", "")), f"{url}: {attributes}"
        assert "<script>alert" not in text, url


def test_what_is_sent_is_what_it_says(owner: Browser, pages: list[str]) -> None:
    for url in pages:
        status, kind, _kept, text = read(owner, url)
        if not text:
            assert status in (303, 304), url
        elif kind == "application/json":
            json.loads(text)
        elif kind == "image/jpeg":
            assert url.startswith("/photos/")
        else:
            mimetype, _semicolon, rest = kind.partition(";")
            assert "charset=utf-8" in rest, url
            assert text.lstrip().lower().startswith("<!doctype html>") == (mimetype == "text/html"), url


def test_no_token_stands_in_a_page_or_an_address(owner: Browser, pages: list[str]) -> None:
    cookie = owner.client.get_cookie("khata_session")
    assert cookie is not None
    for url in pages:
        text = read(owner, url)[-1]
        assert cookie.value not in text + url, url


def test_answers_to_members_are_for_nobody_elses_cache(owner: Browser, pages: list[str]) -> None:
    for url in pages:
        assert "private" in read(owner, url)[2], url
        assert "public" not in read(owner, url)[2], url


def test_no_answer_is_for_other_origins(owner: Browser, pages: list[str]) -> None:
    for url in (*pages, style_sheet(owner)):
        for method in ("GET", "OPTIONS"):
            with owner.raw(method, url, headers={"Origin": "https://evil.example"}) as answer:
                allowed = [name for name, _value in answer.headers if name.startswith("Access-Control-")]
                assert not allowed, f"{method} {url}: {allowed}"


def test_files_of_the_build_are_guarded_too(visitor: Browser) -> None:
    """The same policy as on pages; without Flask's help, because WhiteNoise answers first."""
    with visitor.raw("GET", style_sheet(visitor)) as answer:
        assert answer.content_type == 'text/css; charset="utf-8"'
        assert set(answer.headers.getlist("X-Content-Type-Options")) == {"nosniff"}
        assert set(answer.headers.getlist("Cross-Origin-Resource-Policy")) == {"same-origin"}
        (policy,) = answer.headers.getlist("Content-Security-Policy")
        assert "frame-ancestors 'none'" in policy


def test_policy_allows_named_sources_only(visitor: Browser) -> None:
    """V3.4.3: no object-src is named, so default-src 'none' speaks for it; styles by hash, scripts from here."""
    policy = visitor.raw("GET", "/sign-in").headers["Content-Security-Policy"]
    named = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    assert named["default-src"] == ["'none'"]
    assert named.get("object-src", ["'none'"]) == ["'none'"]
    assert (named["script-src"], named["base-uri"]) == (["'self'"], ["'none'"])
    # the styles of pages before sign-in and of customers' pages, and that of the pages which a phone has kept
    assert [source[:8] for source in named["style-src"]] == ["'self'", "'sha256-", "'sha256-", "'sha256-"]
    assert {source for sources in named.values() for source in sources if ":" in source} <= {"blob:", "data:"}


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND"])
def test_strange_methods_are_refused(owner: Browser, method: str) -> None:
    for url in ("/", "/sign-in", "/healthz", style_sheet(owner)):
        with owner.raw(method, url, headers={"X-Mine": "echoed"}) as answer:
            assert answer.status_code == 405, url
            assert b"echoed" not in answer.data


@pytest.mark.parametrize(
    "url",
    ["/.git/HEAD", "/.git/", "/.env", "/static/", "/static/icons/", "/static/../.git/HEAD", "/static/%2e%2e/app.py",
     "/static/..%2fapp.py", "/photos/", "/var/khata.db", "/exports/../secret_key", "/tests/conftest.py"],
)  # fmt: skip
def test_neither_sources_nor_folders_are_served(owner: Browser, url: str) -> None:
    assert owner.raw("GET", url).status_code == 404


def test_nothing_of_development_runs(app: Flask, owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not app.debug
    assert not app.testing
    assert "FLASK_DEBUG" not in (ROOT / "Procfile").read_text("utf-8") + (ROOT / "Makefile").read_text("utf-8")
    assert not list(ROOT.glob(".flaskenv"))
    assert owner.raw("GET", "/styleguide").status_code == 404
    assert owner.raw("GET", "/console").status_code == 404
    monkeypatch.setattr("khata.ledger.queries.totals", lambda *_args: 1 / 0)
    text = read(owner, "/")[-1]
    assert "ZeroDivision" not in text
    assert "Traceback" not in text


# cookies, tokens, codes


def test_each_cookie_is_out_of_reach_of_scripts_and_strangers(visitor: Browser) -> None:
    set_ = [visitor.raw("GET", "/sign-in?lang=hi")]
    set_.append(visitor.raw("POST", "/sign-in", data={"phone": PHONE}))
    set_.append(visitor.raw("POST", "/sign-in/code", data={"code": last_code(visitor, PHONE)}))
    set_.append(visitor.raw("POST", "/shops/new", data={"name": "Asha Store"}))
    set_ += [visitor.raw("GET", "/?sort=name"), visitor.raw("POST", "/sign-out")]
    cookies = [cookie for answer in set_ for cookie in answer.headers.getlist("Set-Cookie")]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert names >= {"khata_session", "khata_device", "khata_lang", "khata_visit", "khata_sort"}
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= attributes, cookie
        assert not [part for part in attributes if part.startswith("domain")], cookie


def test_tokens_are_long_and_never_the_same(app: Flask) -> None:
    """32 random bytes each: 256 bits."""
    tokens = []
    for _time in range(6):
        browser = Browser(app)
        sign_in(browser, PHONE)
        cookie = browser.client.get_cookie("khata_session")
        assert cookie is not None
        tokens.append(cookie.value)
    assert len(set(tokens)) == 6
    assert {len(token) >= 43 and bool(re.fullmatch(r"[\w-]+", token)) for token in tokens} == {True}


def test_codes_are_drawn_by_the_systems_generator(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the million codes of six digits is as likely: 20 bits."""
    monkeypatch.setattr(secrets, "randbelow", {10**6: 7}.__getitem__)
    visitor.post("/sign-in", {"phone": PHONE})
    assert last_code(visitor, PHONE) == "000007"


def test_codes_are_hashed_as_owasp_says() -> None:
    """Argon2id, 19 MiB, 2 rounds, a salt of its own; the tests themselves use a cheaper one, so it is loaded afresh."""
    spec = importlib.util.find_spec(hashing.__name__)
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    hasher = fresh.hasher
    assert hasher.type is argon2.Type.ID
    assert (hasher.memory_cost >= 19 * 1024, hasher.time_cost >= 2, hasher.salt_len >= 16) == (True, True, True)
    assert hasher.hash("123456") != hasher.hash("123456")


def test_the_visits_cookie_is_for_the_visit_and_for_a_time(app: Flask, visitor: Browser) -> None:
    """V9.2.1, V9.2.2: it ends after half a year, opens no session, and is no task for the worker."""
    start = clock.now()
    with time_machine.travel(start, tick=False):
        visitor.post("/sign-in", {"phone": PHONE})
    cookie = visitor.client.get_cookie("khata_visit")
    assert cookie is not None
    thief = Browser(app)
    thief.client.set_cookie("khata_session", cookie.value)
    thief.get("/menu", status=303)
    with pytest.raises(ValueError, match=r"Signature|Separator"):
        tasks.huey.serializer.deserialize(cookie.value.encode())
    for days, status in ((179, 200), (181, 303)):
        with time_machine.travel(start + timedelta(days=days), tick=False):
            later = Browser(app)
            later.client.set_cookie("khata_visit", cookie.value)
            later.get("/sign-in/code", status=status)


def test_nobody_is_there_at_the_start(context: Flask) -> None:
    migrations = "".join(path.read_text("utf-8") for path in (ROOT / "khata/migrations/versions").glob("*.py"))
    assert not re.search(r"INSERT INTO (people|members|sessions)|bulk_insert", migrations, re.IGNORECASE)
    assert {name: rows for name, rows in dump().items() if rows and name != "alembic_version"} == {}


def test_the_key_is_made_here_and_only_for_its_owner(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    keys = [load_settings({"KHATA_DATA_DIR": str(folder)}).secret_key for folder in folders]
    assert len(set(keys)) == 2
    assert min(map(len, keys)) >= 64
    for folder in folders:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    settings = load_settings({"KHATA_DATA_DIR": str(folders[0])})
    for url in (settings.database_url, settings.queue_url, settings.sms_url):
        assert urlsplit(url).password is None
    with pytest.raises(Exception, match="at least 32"):
        load_settings({"KHATA_DATA_DIR": str(folders[0]), "KHATA_SECRET_KEY": "changeme"})


# what is sent in


def test_words_are_decoded_once(owner: Browser) -> None:
    party = owner.add_party("100%2525 &amp;lt; \\u0041 +")
    assert "100%2525 &amp;lt; \\u0041 +" in owner.get(party).text
    assert owner.get("/?q=100%252525").hidden("q") == "100%2525"


def test_an_address_carries_nothing_that_a_form_must(visitor: Browser) -> None:
    """Neither number nor code is taken from the query, so neither ever stands in an address or a proxy's log."""
    visitor.raw("POST", f"/sign-in?phone={PHONE}")
    visitor.get(f"/sign-in?phone={PHONE}")
    assert visitor.outbox() == []
    answers = [visitor.raw("POST", "/sign-in", data={"phone": PHONE})]
    code = last_code(visitor, PHONE)
    assert visitor.raw("POST", f"/sign-in/code?code={code}").status_code == 422
    answers.append(visitor.raw("POST", "/sign-in/code", data={"code": code}))
    for answer in answers:
        assert answer.status_code == 303
        assert not re.search(r"\d", unquote(answer.location)), answer.location


def test_a_field_counts_once_and_from_the_form(owner: Browser) -> None:
    party = owner.add_party()
    body = "direction=gave&amount=5&direction=got&amount=7&note=first&note=second"
    url = f"{party}/entries?amount=900&direction=got&in_cash=1&note=query"
    form = "application/x-www-form-urlencoded"
    assert owner.raw("POST", url, data=body, content_type=form).status_code == 303
    text = owner.get(party).text
    assert "₹5" in text
    assert "first" in text
    assert not [word for word in ("₹7", "₹900", "second", "query") if word in text]


def test_what_a_form_does_not_offer_is_not_changed(owner: Browser, stranger: Browser) -> None:
    """Balance, shop, version, deletion, number and role are no fields, whatever somebody sends."""
    more = {"shop_id": str(new_id()), "balance_minor": "999900", "deleted_at": "1", "deleted_by": "1", "seq": "99"}
    party = owner.add_party("Ramesh", **more, merged_into=str(new_id()))
    page = owner.write(party, "gave", "5", **more, version="7", party_id=str(new_id()), amount_minor="100")
    assert "₹5" in page.text
    assert "9,999" not in page.text
    owner.post(party, {"name": "Ramesh", "kind": "supplier", **more}, then=party)
    assert "Ramesh" in owner.get("/?kind=customer").text
    owner.post("/shops/settings", {"name": "Asha Store", "category": "grocery", "currency": "USD", "time_zone": "UTC"})
    assert "₹5" in owner.get(party).text
    owner.post("/me", {"name": "Asha", "lang": "en", "phone": "+919812399999", "role": "owner", "id": str(new_id())})
    with owner.app.app_context():
        assert set(db.session.scalars(sa.select(Person.phone))) == {PHONE, "+919812345678"}
        shops = Base.metadata.tables["shops"]
        assert set(db.session.execute(sa.select(shops.c.currency, shops.c.time_zone))) == {("INR", "Asia/Kolkata")}


def test_a_files_name_is_no_path(owner: Browser, data_dir: Path) -> None:
    def files() -> set[Path]:
        return {*data_dir.rglob("*evil*"), *data_dir.parent.glob("*evil*"), *Path("/tmp").glob("evil*")}

    party = owner.add_party()
    for name in ("../../evil.csv", "/absolute/evil.csv", "..\\evil.csv", "evil\x00.csv"):
        picture_ = upload(picture(), name)
        owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "photo": picture_}, then=party)
        owner.post("/imports", {"file": upload(b"name\nAsha\n", name), "format": "csv"})
    assert files() == set()
    kept = [path for folder in ("photos", "imports") for path in (data_dir / folder).rglob("*") if path.is_file()]
    assert kept
    assert {bool(re.fullmatch(r"[0-9a-f]{32}(\.jpg)?", path.name)) for path in kept} == {True}


def test_an_export_holds_the_fields_that_are_meant(owner: Browser, pages: list[str]) -> None:
    """A new column comes out only once it is named here; hostile words are words in JSON too."""
    everything = json.loads(owner.take_out("shop.json").get_data())
    meant = {
        "shop": {"id", "name", "category", "currency", "time_zone", "country"},
        "parties": {"id", "name", "phone", "kind", "address", "gstin", "note", "photo_id", "credit_limit_minor",
                    "due_on", "has_plan", "lang", "balance_minor", "debt_since", "last_activity_at", "created_at",
                    "deleted_at", "deleted_by", "merged_into"},
        "entries": {"id", "party_id", "direction", "amount_minor", "on", "note", "photo_id", "in_cash", "reason",
                    "version", "created_at", "created_by", "deleted_at", "deleted_by"},
        "cash": {"id", "direction", "amount_minor", "category", "note", "on", "created_at", "deleted_at", "deleted_by"},
    }  # fmt: skip
    assert everything.keys() == {"khata", *meant}
    for name, fields in meant.items():
        rows = [everything[name]] if name == "shop" else everything[name]
        assert rows
        for row in rows:
            assert row.keys() <= fields, row.keys() - fields
    assert HOSTILE in [party["name"] for party in everything["parties"]]


# who is calling


def address_of_code(app: Flask, number: str, **headers: str) -> str:
    """The address that a sign-in code was counted under, where 198.51.100.7 connected."""
    browser = Browser(app)
    overrides = {"REMOTE_ADDR": "198.51.100.7"}
    answer = browser.raw("POST", "/sign-in", data={"phone": number}, headers=headers, environ_overrides=overrides)
    assert answer.status_code == 303
    with app.app_context():
        return str(db.session.scalar(sa.select(SignInCode.address).where(SignInCode.phone == number)))


def test_nobody_says_for_themselves_where_they_call_from(app: Flask) -> None:
    spoofed = {"X-Forwarded-For": "203.0.113.1", "X-Real-IP": "203.0.113.1", "Forwarded": "for=203.0.113.1"}
    assert address_of_code(app, "+919876500001", **spoofed) == "198.51.100.7"
    answer = Browser(app).raw("GET", "/sign-in", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil"})
    assert "Strict-Transport-Security" not in answer.headers
    assert Browser(app).raw("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404


def test_a_trusted_proxy_says_it_and_only_its_own_word_counts(app: Flask) -> None:
    behind = create_app(dataclasses.replace(app.config["KHATA"], trusted_proxies=1))
    try:
        forwarded = "203.0.113.66, 203.0.113.9"  # the first is what the caller made up
        assert address_of_code(behind, "+919876500002", **{"X-Forwarded-For": forwarded}) == "203.0.113.9"
        with behind.app_context():
            db.engine.dispose()
    finally:
        tasks.bind(app)


# logs


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What is logged, exactly as it would be written."""
    before, written = structlog.get_config(), io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    yield written
    structlog.configure(**before)


def test_a_day_of_work_leaves_nothing_private_in_the_log(
    app: Flask,
    visitor: Browser,
    log_lines: io.StringIO,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sign-in with a wrong code and the right one, entries, refusals, faults: no number, code, token or amount."""
    caplog.set_level("INFO")
    visitor.post("/sign-in", {"phone": PHONE})
    code = last_code(visitor, PHONE)
    visitor.post("/sign-in/code", {"code": f"{(int(code) + 1) % 10**6:06d}"}, status=422)
    visitor.post("/sign-in/code", {"code": code})
    visitor.post("/shops/new", {"name": "Asha Store"})
    party = visitor.add_party("Ramesh", phone="9812300099")
    visitor.write(party, "gave", "77123.45", note="a private note")
    visitor.post(f"{party}/entries", {"direction": "gave", "amount": "77123.45x"}, status=422)
    visitor.raw("POST", "/parties", data={"name": "Foisted"}, headers={"Origin": "https://evil.example"})
    with monkeypatch.context() as patch:
        patch.setattr("khata.ledger.posting.add_to_totals", lambda *_args, **_more: 1 / 0)
        visitor.post(f"{party}/entries", {"direction": "gave", "amount": "77123.45"}, status=500)
        patch.setattr("khata.accounts.views.code_step.send_message", lambda *_args: 1 / 0)
        visitor.raw("POST", "/sign-in", data={"phone": "+919812300098"})
    token = visitor.client.get_cookie("khata_session")
    assert token is not None
    text = log_lines.getvalue() + caplog.text
    assert "ZeroDivisionError" in text
    for secret in (
        PHONE[3:],
        "9812300099",
        "9812300098",
        code,
        token.value,
        "77123",
        "7712345",
        "Ramesh",
        "private note",
    ):
        assert secret not in text, secret


def test_a_log_line_says_when_and_in_which_request_and_stays_one_line(
    owner: Browser, log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("khata.ledger.queries.totals", lambda *_args: int("x\n{'event': 'forged'}\r\n\x1b[2J"))
    owner.get("/", status=500)
    (line,) = log_lines.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["route"]) == ("fault", "error", "/")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", said["timestamp"])
    assert re.fullmatch(r"[0-9a-f]{16}", said["request"])
    assert "\x1b" not in line


# what stands in the code


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """(dotted name, call) of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imported(path: Path) -> set[str]:
    """Every module that a file imports, and every name from it, dotted."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files_that_import(*modules: str) -> set[str]:
    starts = tuple(f"{module}." for module in modules)
    named = {path: [one for one in imported(path) if one in modules or one.startswith(starts)] for path in CODE}
    return {path.relative_to(ROOT).as_posix() for path, found in named.items() if found}


def test_no_program_is_started_and_nobody_is_called() -> None:
    """No shell; HTTP and mail for channels of the settings alone: whoever adds one says here to whom it may speak."""
    assert files_that_import("subprocess", "pty", "commands", "ctypes", "cffi") == set()
    assert files_that_import("httpx", "requests", "urllib.request", "urllib3", "http.client", "aiohttp") == {
        "khata/messages/channels/http_call.py",
        "khata/payments/gateways/wire.py",
    }
    assert files_that_import("apprise") == {"khata/messages/channels/apprise_urls.py"}
    assert files_that_import("pywebpush", "py_vapid") == {"khata/messages/channels/web_push.py"}  # seals, calls nobody
    assert files_that_import("smtplib") == {"khata/messages/channels/smtp.py"}
    assert files_that_import("ftplib", "imaplib", "poplib", "telnetlib", "ldap", "ldap3") == set()
    assert files_that_import("socket") == {"khata/web/turns.py"}  # looks at those that are open, opens none
    spoken = [name for path in CODE for name, _call in calls(path)]
    assert not [name for name in spoken if re.fullmatch(r"os\.(system|popen|exec\w*|spawn\w*|fork\w*)", name)]


def test_no_xml_no_pickle_no_yaml() -> None:
    assert files_that_import("xml", "lxml", "defusedxml", "pickle", "marshal", "shelve", "dill", "yaml") == set()


def test_sql_templates_and_patterns_are_not_made_of_input() -> None:
    """Texts of SQL are constants; values are bound. No template is made at run time. A pattern's parts are escaped."""
    for path in CODE:
        for name, call in calls(path):
            place = f"{path.name}:{call.lineno}"
            first = call.args[0] if call.args else None
            made = isinstance(first, ast.JoinedStr | ast.BinOp) or (isinstance(first, ast.Call) and "format" in name)
            if name in ("sa.text", "text", "sa.literal_column", "op.execute") or name.endswith(".exec_driver_sql"):
                assert not made, place
            if name.endswith(".execute") and isinstance(first, ast.JoinedStr):
                assert ast.unparse(first) == "f'PRAGMA {pragma}'", place
            if name in ("re.compile", "re.match", "re.search", "re.sub", "re.fullmatch") and made:
                assert "re.escape(" in path.read_text("utf-8"), place
            assert not name.endswith(("render_template_string", ".from_string")), place


def test_query_and_form_are_never_mixed() -> None:
    for path in CODE:
        assert not re.search(r"request\.values\b", path.read_text("utf-8")), path


def test_cryptography_comes_from_libraries_and_is_of_today() -> None:
    """SHA-256 and BLAKE2 of OpenSSL and Python, argon2-cffi, the system's random numbers; the demo alone plays dice."""
    used = {name for path in CODE for name, _call in calls(path) if re.fullmatch(r"hashlib\.\w+|blake2\w", name)}
    assert used <= {"hashlib.sha256", "hashlib.blake2b", "blake2b"}
    assert files_that_import("random", "numpy") == {"khata/demo.py"}
    assert (
        files_that_import("Crypto", "Cryptodome", "nacl", "rsa", "ecdsa", "jwt", "jose", "passlib", "bcrypt") == set()
    )
    assert sessions.hash_token("x") != sessions.hash_token("y")
    assert len(sessions.hash_token("x")) == 32


def test_scripts_write_text_and_keep_nothing_open() -> None:
    """Ours: no HTML out of words, no code out of words, nothing kept in the browser but through the store, which seals
    it, no object filled by name, and nobody called but a page of ours."""
    banned = (
        (r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment", set()),
        (r"DOMParser", {"desk.js", "door.js", "kit.js"}),  # of pages that our server made, whose policy runs no script
        (r"\beval\(|new Function|setTimeout\(\s*['\"]|javascript:", set()),
        (r"localStorage|sessionStorage|document\.cookie", set()),
        (r"indexedDB\.open", {"store.js"}),
        (r"caches\.open", {"keeper.js"}),
        (r"postMessage|addEventListener\(\s*['\"]message", {"desk.js", "serve.js"}),  # page and its own worker
        (r"JSON\.parse", {"store.js"}),  # of what was sealed here
        (r"__proto__|\.prototype|\bfor \((const|let|var) \w+ in\b", set()),
        (r"https?://|XMLHttpRequest|WebSocket|EventSource|sendBeacon", set()),
        # The worker asks for what the pages ask for, and answers for no other origin.
        (r"\bfetch\((?!['\"`]/[a-z])", {"serve.js", "keeper.js", "sender.js"}),
    )
    assert SCRIPTS
    for path in SCRIPTS:
        for pattern, may in banned:
            found = re.search(pattern, path.read_text("utf-8"))
            assert not found or path.name in may, f"{path.name}: {found[0] if found else ''}"


def test_every_package_is_pinned_by_its_hash() -> None:
    """The locks are the list of what is inside: name, version, hash, and what asked for it."""
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-node.lock"):
        lock = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / name).read_text("utf-8")).replace("\\\n", " ")
        packages = [line for line in lock.splitlines() if line.strip()]
        assert packages
        for line in packages:
            assert re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+-]+ .*--hash=sha256:[0-9a-f]{64}", line), line[:60]
    assert "--require-hashes" in (ROOT / "Makefile").read_text("utf-8")
    packages_of_npm = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for name, package in packages_of_npm.items():
        assert not name or package["integrity"].startswith("sha512-"), name
