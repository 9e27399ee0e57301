"""The lines about security: each thing that happens leaves its line, which says who and where, and nothing private."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from khata.core.ids import new_id
from khata.web.logs import FACTS, SECURITY_EVENTS, Lines, security_event
from tests.client import Browser, last_code, sign_in
from tests.factories import upload

PHONE, CASHIER = "+919876500001", "+919876500002"
ROOT = Path(__file__).resolve().parents[2]


class Log:
    """What is logged, exactly as it would be written."""

    def __init__(self) -> None:
        self.written = io.StringIO()

    def lines(self) -> list[dict[str, Any]]:
        """Every line so far."""
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    def take(self) -> list[tuple[str, str | None]]:
        """(event, reason, method or permission) of the lines since the last time."""
        found = [(line["event"], line.get("reason") or line.get("method") or line.get("permission"))
                 for line in self.lines()]  # fmt: skip
        self.written.seek(0)
        self.written.truncate()
        return found


@pytest.fixture
def log() -> Iterator[Log]:
    """The log of this test."""
    before, written = structlog.get_config(), Log()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written.written))
    yield written
    structlog.configure(**before)


@pytest.fixture
def cashier(app: Flask, owner: Browser) -> Browser:
    """A cashier of the owner's shop."""
    owner.post("/invitations", {"role": "cashier"})
    browser = Browser(app)
    sign_in(browser, CASHIER)
    found = re.search(r"(/invitations/[0-9a-f-]{36})\?key=(\w+)", owner.get("/members").html)
    assert found
    browser.post(found[1], {"key": found[2], "name": "Ravi"}, then="/")
    return browser


def test_signing_in_and_out(visitor: Browser, log: Log) -> None:
    visitor.post("/sign-in", {"phone": PHONE})
    code = last_code(visitor, PHONE)
    visitor.post("/sign-in/code", {"code": f"{(int(code) + 1) % 10**6:06d}"}, status=422)
    visitor.post("/sign-in/code", {"code": code})
    assert log.take() == [("code.sent", None), ("code.refused", "code_wrong"), ("session.begun", "code")]
    token = visitor.client.get_cookie("khata_session")
    assert token is not None
    visitor.post("/sign-out")
    assert log.take() == [("session.ended", None)]
    visitor.client.set_cookie("khata_session", token.value)
    visitor.get("/", status=303)
    visitor.client.set_cookie("khata_session", "x" * 43)
    visitor.get("/", status=303)
    assert log.take() == [("session.refused", "unknown")] * 2


def test_too_many_codes(visitor: Browser, log: Log) -> None:
    for _time in range(3):
        visitor.post("/sign-in", {"phone": PHONE})
    visitor.post("/sign-in", {"phone": PHONE}, status=429)
    assert log.take() == [("code.sent", None)] * 3 + [("limit.reached", "too_many")]


def test_a_proof(owner: Browser, log: Log) -> None:
    owner.post("/proof")
    owner.post("/proof/code", {"code": last_code(owner, "+919876543210")})
    assert log.take() == [("code.sent", None), ("session.proved", "code")]


def test_what_a_member_may_not(cashier: Browser, log: Log) -> None:
    cashier.get("/members", status=403)
    cashier.post("/shops/settings", {"name": "Mine"}, status=403)
    cashier.get(f"/parties/{new_id()}", status=404)
    seen = log.lines()
    assert log.take() == [
        ("access.refused", "members"),
        ("access.refused", "settings"),
        ("access.not_there", "not_found"),
    ]
    for line in seen:
        assert line["kind"] == "security"
        assert {"request", "timestamp", "level", "route", "verb", "person_id", "member_id", "device_id",
                "shop_id"} <= line.keys()  # fmt: skip
    assert [(line["verb"], line["route"]) for line in seen] == [
        ("GET", "/members"),
        ("POST", "/shops/settings"),
        ("GET", "/parties/<uuid:party_id>"),
    ]


def test_what_comes_from_elsewhere_or_is_too_much(owner: Browser, log: Log) -> None:
    owner.raw("POST", "/parties", data={"name": "Foisted"}, headers={"Origin": "https://evil.example"})
    owner.raw("POST", "/cash", data={"note": "x" * 600_000})
    owner.raw("POST", "/cash", data={f"f{number}": "x" for number in range(600)} | {"photo": upload(b"")})
    owner.raw("POST", "/cash", data={"amount": "5"}, headers={"Transfer-Encoding": "chunked"})
    assert [event for event, _fact in log.take()] == ["access.cross_site"] + ["input.refused"] * 3


def test_signing_out_from_afar(app: Flask, owner: Browser, log: Log) -> None:
    sign_in(Browser(app), "+919876543210")
    log.take()
    owner.post("/devices/sign-out")
    assert log.take() == [("device.signed_out", None)]


def test_a_day_of_work_that_is_right_leaves_none(owner: Browser, log: Log) -> None:
    party = owner.add_party("Ramesh", phone="9812300099")
    owner.write(party, "gave", "77123.45", note="a private note")
    owner.get("/?q=Ramesh")
    assert log.take() == []


def test_only_what_is_listed_is_written(log: Log) -> None:
    for name, facts in (("made.up", {}), ("pin.refused", {"pin": "1234"}), ("code.sent", {"phone": PHONE})):
        with pytest.raises(LookupError):
            security_event(name, **facts)
    assert log.take() == []
    for name in SECURITY_EVENTS:
        security_event(name, **dict.fromkeys(FACTS, "x"))
    assert [event for event, _fact in log.take()] == list(SECURITY_EVENTS)


def test_every_listed_event_is_written_somewhere() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "khata").rglob("*.py"))
    others = {"pin.refused", "pin.blocked", "passkey.refused", "recovery.refused"}
    for name in SECURITY_EVENTS.keys() - others:
        assert code.count(f'"{name}"') >= 2, name


def test_what_libraries_log_is_a_line_like_ours(log: Log) -> None:
    logger = logging.Logger("huey.consumer")
    logger.addHandler(Lines())

    def say(how: Callable[..., None]) -> dict[str, Any]:
        try:
            raise ValueError('two\nlines and a "quote"')
        except ValueError:
            how("Task %s failed", 7)
        (line,) = log.lines()
        log.take()
        return line

    line = say(logger.exception)
    assert (line["event"], line["level"], line["logger"]) == ("Task 7 failed", "error", "huey.consumer")
    assert "ValueError" in line["exception"]
    assert "exception" not in say(logger.warning)


def test_the_server_says_its_own_as_json() -> None:
    settings = json.loads((ROOT / "logging.json").read_text("utf-8"))
    formatter = logging.Formatter(settings["formatters"]["line"]["format"], settings["formatters"]["line"]["datefmt"])
    record = logging.makeLogRecord({"name": "_granian", "levelname": "INFO", "msg": "Listening at: %s", "args": ("x",)})
    assert json.loads(formatter.format(record))["event"] == "Listening at: x"
    assert "--log-config logging.json" in (ROOT / "Procfile").read_text("utf-8")
