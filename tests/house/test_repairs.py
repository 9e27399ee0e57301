"""Ways in that a reading of the standard found open once."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask

from khata import trusted_hosts
from khata.settings import load_settings
from khata.web.logs import _tell_fault
from khata.web.metrics import REQUESTS
from tests.client import Browser, sign_in


def device_of(browser: Browser) -> str:
    """The id of the browser's device, as the page of devices shows it."""
    found = re.search(r'action="/devices/([0-9a-f-]{36})"', browser.get("/devices").html)
    assert found
    return found[1]


def test_a_device_is_more_than_its_id(app: Flask, owner: Browser) -> None:
    for cookie in (device_of(owner), device_of(owner) + "." + "0" * 32, "nonsense", ""):
        thief = Browser(app)
        thief.client.set_cookie("khata_device", cookie)
        sign_in(thief, "+919876500099")
        assert device_of(thief) != device_of(owner)


def test_a_browser_keeps_its_device(owner: Browser) -> None:
    before = device_of(owner)
    owner.post("/sign-out")
    sign_in(owner, "+919876543210")
    assert device_of(owner) == before


def test_a_database_error_is_logged_without_what_was_typed() -> None:
    quoted = ValueError(f"Key (phone)=(+{919876543210})")
    try:
        try:
            raise KeyError("a fault of ours")
        except KeyError as first:
            from sqlalchemy.exc import IntegrityError

            raise IntegrityError("INSERT", {}, quoted) from first
    except IntegrityError as error:
        told = _tell_fault(None, "error", {"exc_info": error})["exception"]
    assert "98765" not in told
    assert "IntegrityError" in told
    assert "a fault of ours" in told
    assert _tell_fault(None, "info", {"event": "x"}) == {"event": "x"}


def test_a_made_up_method_is_no_series_of_its_own(visitor: Browser) -> None:
    visitor.raw("BREW", "/sign-in")
    assert not [
        sample for metric in REQUESTS.collect() for sample in metric.samples if "BREW" in sample.labels.values()
    ]


def test_signing_out_empties_the_browsers_cache_only(owner: Browser) -> None:
    assert owner.raw("POST", "/sign-out").headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize(("host", "status"), [("khata.example", 200), ("localhost", 200), ("evil.example", 400)])
def test_a_known_public_name_shuts_out_others(
    app: Flask, visitor: Browser, host: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(load_settings(), public_url="https://khata.example")
    monkeypatch.setitem(app.config, "TRUSTED_HOSTS", trusted_hosts(settings))
    assert visitor.raw("GET", "/sign-in", headers={"Host": host}).status_code == status


def test_every_answer_over_https_carries_hsts_once(visitor: Browser) -> None:
    from khata.web.assets import asset

    with visitor.app.app_context():
        urls = ("/sign-in", asset("khata.css"), "/nothing", "/healthz")
    for url in urls:
        answer = visitor.client.get(url, base_url="https://localhost")
        assert answer.headers.getlist("Strict-Transport-Security") == ["max-age=63072000; includeSubDomains"], url
        assert len(answer.headers.getlist("X-Content-Type-Options")) == 1, url
        answer.close()


def test_what_is_signed_is_signed_with_sha_256(app: Flask) -> None:
    from khata.web.security import VisitInterface
    from tasks import huey

    serializer = VisitInterface().get_signing_serializer(app)
    assert serializer is not None
    digest = serializer.signer_kwargs["digest_method"]
    assert digest().name == "sha256"
    assert len(huey.serializer._signature(b"x")) == 64


def test_an_export_names_its_charset_once(owner: Browser) -> None:
    answer = owner.take_out("parties.csv")
    answer.get_data()
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
