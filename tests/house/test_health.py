"""Is it up, is it ready, how is it doing; and what people see when it is not."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from structlog.testing import capture_logs

from khata.core import db as database
from tasks import huey, schedule
from tests.client import Browser
from tests.factories import dump


@pytest.fixture
def worker(app: Flask) -> None:
    """A worker that was seen just now."""
    schedule.see_worker()


def test_it_works(visitor: Browser, worker: None) -> None:
    assert visitor.raw("GET", "/healthz").get_data(as_text=True) == "ok\n"
    ready = visitor.raw("GET", "/readyz")
    assert (ready.status_code, ready.json) == (200, {"database": True, "queue": True, "worker": True})


def test_not_ready_without_a_worker(visitor: Browser, worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with time_machine.travel("2035-01-01"):
        assert visitor.raw("GET", "/readyz").status_code == 503
    monkeypatch.setattr(huey.storage, "peek_data", lambda key: 1 / 0)
    answer = visitor.raw("GET", "/readyz")
    assert (answer.status_code, answer.json["queue"]) == (503, False)  # type: ignore[index]


def test_not_ready_without_a_database(visitor: Browser, worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(database.db.session, "execute", broken)
    answer = visitor.raw("GET", "/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, False)  # type: ignore[index]
    assert visitor.raw("GET", "/healthz").status_code == 200


def metrics(browser: Browser, address: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    answer = browser.raw("GET", "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address})
    return answer.status_code, answer.get_data(as_text=True)


def test_metrics_for_this_machine(owner: Browser) -> None:
    party = owner.add_party()
    status, text = metrics(owner)
    assert status == 200
    assert 'khata_requests_total{method="POST",route="/parties",status="303"}' in text
    assert party not in text
    assert metrics(owner, "::1")[0] == 200
    assert metrics(owner, "203.0.113.9")[0] == 404
    assert metrics(owner, "not an address")[0] == 404


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via"]
)
def test_metrics_are_not_passed_on(visitor: Browser, header: str) -> None:
    """Behind a proxy on this machine everybody comes from this machine."""
    assert metrics(visitor, **{header: "127.0.0.1"})[0] == 404
    assert metrics(visitor, **{header: ""})[0] == 404


def test_metrics_for_a_token(app: Flask, visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = dataclasses.replace(app.config["KHATA"], metrics_token="t0ken")
    monkeypatch.setitem(app.config, "KHATA", settings)
    assert metrics(visitor)[0] == 404
    assert metrics(visitor, Authorization="Bearer wrong")[0] == 404
    assert metrics(visitor, Authorization="Bearer t0kén")[0] == 404
    assert metrics(visitor, "203.0.113.9", Authorization="Bearer t0ken")[0] == 200


# pages for what went wrong


def test_404_and_405(owner: Browser, visitor: Browser) -> None:
    for browser in (owner, visitor):
        assert "Not here" in browser.get("/nowhere", status=404).text
        page = browser.raw("POST", "/sign-in/nothing/here")
        assert page.status_code == 404
        answer = browser.raw("GET", "/sign-out")
        assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True)
    for url in ("/parties/1", "/parties/not-an-id", "/entries/' OR 1=1 --", "/parties/" + "f" * 3000, "/%00"):
        assert owner.raw("GET", url).status_code == 404


def test_an_error_page_speaks_the_chosen_language(owner: Browser) -> None:
    owner.get("/?lang=hi")
    assert owner.get("/nowhere", status=404).all("html")[0]["lang"] == "hi"


def test_413(owner: Browser) -> None:
    for url in ("/cash", "/members"):
        answer = owner.raw("POST", url, data={"note": "x" * 300_000})
        assert answer.status_code == 413
        assert "too large" in answer.get_data(as_text=True)
    assert owner.raw("POST", "/sign-in", data={"phone": "9" * 300_000}).status_code == 413


@pytest.mark.parametrize("parts", [600, 5000])
def test_a_form_of_too_many_fields(owner: Browser, parts: int) -> None:
    answer = owner.raw("POST", "/parties", data={f"f{number}": "x" for number in range(parts)} | {"name": "A"})
    assert answer.status_code in (303, 413)
    boundary = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % number for number in range(parts)
    )
    answer = owner.raw("POST", "/parties", data=boundary + b"--b--", content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 413


def test_broken_bodies(owner: Browser) -> None:
    for body, kind in (
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b"),
        (b"x", "multipart/form-data"),
        (b'{"name": "A"}', "application/json"),
        (b"name=%ff%fe%00&kind=%", "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "text/plain"),
    ):
        assert owner.raw("POST", "/parties", data=body, content_type=kind).status_code in (413, 422)


def broken(*_args: Any, **_kwargs: Any) -> None:
    raise RuntimeError("disk on fire at 9876543210")


def incident_of(text: str) -> str:
    found = re.search(r"tell us this number: ([0-9a-f]{12})", text)
    assert found, text
    return found[1]


def test_500_has_a_number_and_leaves_nothing_half_written(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    party = owner.add_party()
    with owner.app.app_context():
        before = dump()
    monkeypatch.setattr("khata.ledger.posting.add_to_totals", broken)
    with capture_logs() as logs:
        page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "5"}, status=500)
    assert "disk on fire" not in page.text
    assert [line["incident"] for line in logs] == [incident_of(page.text)]
    with owner.app.app_context():
        assert dump() == before


def test_500_when_the_commit_fails(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    party = owner.add_party()
    with owner.app.app_context():
        before = dump()
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(database.db.session, "commit", broken)
        page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "5"}, status=500)
    assert [line["incident"] for line in logs] == [incident_of(page.text)]
    with owner.app.app_context():
        assert dump() == before
    assert "₹5" in owner.write(party, "gave", "5").text


def test_500_on_a_page(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("khata.ledger.queries.totals", broken)
    incident_of(owner.get("/", status=500).text)


def test_what_is_written_stays_written_though_the_bell_is_broken(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is down: the code waits in its row, and the sweep sends it."""
    from tasks import messages
    from tests.client import last_code

    with monkeypatch.context() as patch:
        patch.setattr("khata.accounts.views.code_step.send_message", broken)
        visitor.post("/sign-in", {"phone": "+919876500006"}, then="/sign-in/code")
    with visitor.app.app_context():
        assert messages.sweep() == 1
    visitor.post("/sign-in/code", {"code": last_code(visitor, "+919876500006")}, then="/shops/new")


def test_htmx_gets_an_error_as_a_whole_page(owner: Browser) -> None:
    answer = owner.raw("GET", "/nowhere", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (404, "body")
