"""What providers report back, over HTTP: states, and STOP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.messages import channels
from khata.messages.channels import whatsapp_cloud
from khata.messages.models import Message
from khata.parties.models import Party
from tests.client import Browser

SECRET = "the app's secret"
URL = "whatsapp://TOKEN@12345?app_secret=the%20app%27s%20secret&verify=a-word"
REPORTS = "/webhooks/messages/whatsapp"


@pytest.fixture(autouse=True)
def _whatsapp(owner: Browser) -> Iterator[None]:
    built = owner.app.extensions["khata_channels"]
    built["whatsapp"] = channels.build("whatsapp", URL, owner.app.config["KHATA"].data_dir)
    yield
    del built["whatsapp"]


@pytest.fixture
def party(owner: Browser) -> str:
    made = owner.add_party("Ramesh", phone="98765 43211")
    owner.write(made, "gave", "500")
    owner.post(f"{made}/consent", {"channel": ["sms", "whatsapp"]})
    with owner.app.app_context(), transaction():
        row = db.session.execute(sa.select(Party.shop_id, Party.id)).one()
        now = clock.now()
        common: dict[str, Any] = {
            "kind": "reminder",
            "channel": "whatsapp",
            "recipient": "+919876543211",
            "body": "Pay",
        }
        common |= {"shop_id": row.shop_id, "party_id": row.id, "created_at": now, "due_at": now, "finished_at": now}
        db.session.add(Message(id=new_id(), state="sent", provider_id="wamid.1", **common))
        db.session.add(Message(id=new_id(), state="sent", provider_id="wamid.2", **common))
    return made


def told(value: dict[str, Any]) -> bytes:
    return json.dumps({"entry": [{"changes": [{"value": value}]}]}).encode()


def report(visitor: Browser, value: dict[str, Any], *, status: int = 200, secret: str = SECRET, **headers: str) -> None:
    body = told(value)
    signed = {"X-Hub-Signature-256": whatsapp_cloud.signature(body, secret), **headers}
    answer = visitor.client.post(REPORTS, data=body, content_type="application/json", headers=signed)
    assert answer.status_code == status


def state_of(visitor: Browser, provider_id: str = "wamid.1") -> str:
    with visitor.app.app_context():
        return str(db.session.scalar(sa.select(Message.state).where(Message.provider_id == provider_id)))


def status(state: str, provider_id: str = "wamid.1") -> dict[str, Any]:
    return {"statuses": [{"id": provider_id, "status": state, "timestamp": "1795500000"}]}


def test_a_state_never_goes_back(visitor: Browser, party: str) -> None:
    for state, then in (("delivered", "delivered"), ("sent", "delivered"), ("read", "read"), ("delivered", "read")):
        report(visitor, status(state))
        assert state_of(visitor) == then
    report(visitor, status("failed"))
    assert state_of(visitor) == "read"
    assert state_of(visitor, "wamid.2") == "sent"


def test_a_failure_after_it_was_sent(visitor: Browser, party: str) -> None:
    report(visitor, {"statuses": [{"id": "wamid.1", "status": "failed", "errors": [{"code": 131026}]}]})
    assert state_of(visitor) == "failed"


def test_of_nobody(visitor: Browser, party: str) -> None:
    report(visitor, status("read", "wamid.999"))
    report(visitor, {"statuses": "nonsense"})
    report(visitor, {})


def test_a_wrong_signature(visitor: Browser, party: str) -> None:
    report(visitor, status("read"), status=403, secret="guessed")
    assert state_of(visitor) == "sent"
    assert visitor.client.post(REPORTS, data=told(status("read"))).status_code == 403


@pytest.mark.parametrize("text", ["STOP", " stop. ", "बंद करें।"])
def test_stop(owner: Browser, visitor: Browser, stranger: Browser, party: str, text: str) -> None:
    theirs = stranger.add_party("Ramesh", phone="98765 43211")
    stranger.post(f"{theirs}/consent", {"channel": "sms"})
    report(visitor, {"messages": [{"from": "919876543211", "text": {"body": text}}]})
    for shop, page in ((owner, party), (stranger, theirs)):
        assert "has stopped it" in shop.get(f"{page}/reminder").text


def test_another_word_stops_nothing(owner: Browser, visitor: Browser, party: str) -> None:
    report(visitor, {"messages": [{"from": "919876543211", "text": {"body": "I will stop by tomorrow"}}]})
    assert "has stopped it" not in owner.get(f"{party}/reminder").text


def test_the_challenge(visitor: Browser) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    answer = visitor.client.get(REPORTS, query_string={**asked, "hub.verify_token": "a-word"})
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert visitor.client.get(REPORTS, query_string={**asked, "hub.verify_token": "another"}).status_code == 403


def test_a_channel_that_reports_nothing(visitor: Browser) -> None:
    assert visitor.client.post("/webhooks/messages/sms", data=b"").status_code == 404
    assert visitor.client.post("/webhooks/messages/pigeon", data=b"").status_code == 404
