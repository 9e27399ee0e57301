"""Messages that go out without a hand: who gets them, when, how often, and what stops them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from khata.core import clock
from khata.core.db import db
from khata.messages.channels import ChannelError, OutcomeUnknown, Outgoing, Sent
from khata.messages.models import Message
from khata.reminders.automatic import after_quiet_hours
from tasks import messages as sending
from tasks import reminders as rule_tasks
from tests.client import Browser

NOON = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)  # 12:00 in the shop
NIGHT = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)  # 22:00


class Provider:
    """A channel in our hands."""

    takes_idempotency_key = False

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.errors: list[Exception] = []

    def send(self, message: Outgoing) -> Sent:
        """Fail as told, or take it."""
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)
        return Sent(f"provider-{len(self.sent)}")


@pytest.fixture
def provider(owner: Browser) -> Iterator[Provider]:
    channels = owner.app.extensions["khata_channels"]
    before, channels["sms"] = channels["sms"], Provider()
    yield channels["sms"]
    channels["sms"] = before


@pytest.fixture(autouse=True)
def noon() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def debtor(owner: Browser, provider: Provider) -> Callable[..., str]:
    """A customer who owes, has a number and agreed to SMS."""
    numbers = iter(range(43210, 43299))

    def make(name: str = "Ramesh", amount: str = "500", **fields: str) -> str:
        party = owner.add_party(name, phone=f"98765{next(numbers)}", **fields)
        if amount:
            owner.write(party, "gave", amount)
        owner.post(f"{party}/consent", {"channel": "sms"}, then=f"{party}/reminder")
        return party

    return make


def messages(owner: Browser) -> list[Any]:
    with owner.app.app_context():
        query = sa.select(Message.__table__).where(Message.party_id.is_not(None)).order_by(Message.created_at)
        return list(db.session.execute(query))


def sweep(owner: Browser) -> None:
    with owner.app.app_context():
        sending.sweep()


def states(owner: Browser) -> list[tuple[str, str | None]]:
    return [(one.state, one.reason) for one in messages(owner)]


def test_everyone_overdue(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    debtor("Ramesh", due_on="2026-11-01")
    debtor("Sunita", due_on="2026-11-30")
    page = owner.get("/reminders")
    assert "1 customer" in page.text
    assert "Ramesh" in page.text
    assert "Sunita" not in page.text
    form = {"id": page.hidden("id"), "who": "overdue", "channel": "sms"}
    for _time in range(2):
        owner.post("/reminders", form)
    (sent,) = provider.sent
    assert sent.to == "+919876543210"
    assert "₹500 at Asha Store was due on 1 Nov" in sent.body
    assert sent.template is not None
    assert dict(sent.template.parameters)["name"] == "Ramesh"
    (message,) = messages(owner)
    assert (message.state, message.provider_id, message.amount_minor) == ("sent", "provider-1", 50000)
    assert message.member_id
    assert "SMS · sent · +91 98765 43210, Browser" in owner.get("/reminders").text
    assert "Reminders to be sent: 1" in owner.get("/daybook?kind=pay").text
    token = sent.link.rpartition("/")[2]
    Browser(owner.app).get(f"/pay/{token}")
    assert states(owner) == [("clicked", None)]


def test_only_the_ticked(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    one, _other = debtor("Ramesh"), debtor("Sunita")
    owner.post("/reminders", {"who": "chosen", "channel": "sms", "party": one.rpartition("/")[2]})
    assert [sent.to for sent in provider.sent] == ["+919876543210"]
    owner.post("/reminders", {"who": "chosen", "channel": "sms", "party": "nonsense"}, status=422)


def test_nobody_who_did_not_agree(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    party = debtor("Ramesh")
    owner.post(f"{party}/consent", {})
    refused = owner.post("/reminders", {"who": "owes", "channel": "sms"}, status=422)
    assert "agreed" in refused.text
    assert not messages(owner)


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (lambda owner, party: owner.write(party, "got", "500"), "settled"),
        (lambda owner, party: (owner.write(party, "got", "500"), owner.post(f"{party}/deletion")), "deleted"),
        (lambda owner, party: owner.post(f"{party}/consent", {}), "no consent"),
        (lambda owner, party: owner.post(party, {"name": "Ramesh"}), "no address"),
        (lambda owner, party: owner.post(f"{party}/reminder", {"channel": "sms"}), "duplicate"),
    ],
)
def test_what_changes_before_it_goes_out(
    owner: Browser, provider: Provider, debtor: Callable[..., str], between: Callable[..., Any], reason: str
) -> None:
    party = debtor()
    owner.post("/reminders", {"who": "owes", "channel": "sms", "on": "2026-11-25"})
    between(owner, party)
    assert not provider.sent
    with time_machine.travel(NOON + (timedelta(days=1) if reason != "duplicate" else timedelta()), tick=False):
        if reason == "duplicate":
            with owner.app.app_context(), db.engine.begin() as connection:
                connection.execute(sa.update(Message).where(~Message.is_by_hand).values(due_at=NOON))
        sweep(owner)
    assert not provider.sent
    assert ("skipped", reason) in states(owner)


def test_the_amount_is_the_one_of_then(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    party = debtor()
    owner.post("/reminders", {"who": "owes", "channel": "sms", "on": "2026-11-25"})
    owner.write(party, "got", "100")
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        sweep(owner)
    assert "₹400" in provider.sent[0].body


def test_not_by_night(owner: Browser, provider: Provider, debtor: Callable[..., str], noon: Any) -> None:
    debtor()
    noon.move_to(NIGHT)
    owner.post("/reminders", {"who": "owes", "channel": "sms"})
    assert not provider.sent
    (message,) = messages(owner)
    assert (message.state, message.attempts) == ("queued", 0)
    assert message.due_at == datetime(2026, 11, 25, 4, 30, tzinfo=UTC)
    noon.move_to(message.due_at)
    sweep(owner)
    assert len(provider.sent) == 1


def test_three_a_week(owner: Browser, provider: Provider, debtor: Callable[..., str], noon: Any) -> None:
    debtor()
    for _day in range(5):
        owner.post("/reminders", {"who": "owes", "channel": "sms"})
        noon.shift(timedelta(days=1))
    assert len(provider.sent) == 3
    assert states(owner)[3:] == [("skipped", "cap")] * 2


def test_the_customer_stops_it(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    party = debtor()
    owner.post("/reminders", {"who": "owes", "channel": "sms"})
    token = provider.sent[0].link.rpartition("/")[2]
    guest = Browser(owner.app)
    assert "No more messages" in guest.get(f"/pay/{token}").text
    guest.post(f"/pay/{token}/stop", then=f"/pay/{token}?said=stop")
    owner.post(f"{party}/consent", {"channel": "sms"})
    assert "has stopped it" in owner.get(f"{party}/reminder").text
    owner.post("/reminders", {"who": "owes", "channel": "sms"}, status=422)


def test_what_a_provider_refuses(owner: Browser, provider: Provider, debtor: Callable[..., str], noon: Any) -> None:
    debtor()
    provider.errors = [ChannelError("busy", retry_after=120), OutcomeUnknown("cut")]
    owner.post("/reminders", {"who": "owes", "channel": "sms"})
    assert states(owner) == [("queued", None)]
    noon.shift(timedelta(seconds=119))
    sweep(owner)
    assert states(owner) == [("queued", None)]
    noon.shift(timedelta(seconds=2))
    sweep(owner)
    assert states(owner) == [("unknown", None)]
    assert "perhaps sent" in owner.get("/reminders").text
    sweep(owner)
    assert not provider.sent


def test_a_day_that_is_over(owner: Browser, debtor: Callable[..., str]) -> None:
    debtor()
    owner.post("/reminders", {"who": "owes", "channel": "sms", "on": "2026-11-23"}, status=422)
    owner.post("/reminders", {"who": "owes", "channel": "pigeon"}, status=422)
    owner.post("/reminders", {"who": "all the world", "channel": "sms"}, status=422)


def test_the_command(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    debtor("Ramesh"), debtor("Sunita")
    owner.post("/reminders", {"who": "owes", "channel": "sms", "on": "2026-11-25"})
    command = owner.app.test_cli_runner()
    assert "queued: 2" in command.invoke(args=["messages"]).output
    assert command.invoke(args=["messages", "--drain"]).output.splitlines()[-1].endswith(", 0 tried just now")
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        told = json.loads(command.invoke(args=["messages", "--drain", "--json"]).output)
    assert told["tried"] == 2
    assert told["states"]["sent"] >= 2
    assert len(provider.sent) == 2


# rules


def run(owner: Browser) -> None:
    with owner.app.app_context():
        rule_tasks.run_rules()
        rule_tasks.run_rules()  # whatever runs twice does once
        sending.sweep()


def rule(owner: Browser, **form: str) -> None:
    owner.post("/reminders/rules", {"channel": "sms", **form})


@pytest.mark.parametrize(
    ("side", "days", "due"),
    [("before", "3", "2026-11-27"), ("after", "0", "2026-11-24"), ("after", "12", "2026-11-12")],
)
def test_by_the_due_date(
    owner: Browser, provider: Provider, debtor: Callable[..., str], side: str, days: str, due: str
) -> None:
    debtor("Ramesh", due_on=due)
    debtor("Sunita", due_on="2026-11-20")
    rule(owner, kind="due", side=side, days=days)
    run(owner)
    assert [sent.to for sent in provider.sent] == ["+919876543210"]


def test_each_month_above_an_amount(owner: Browser, provider: Provider, debtor: Callable[..., str], noon: Any) -> None:
    debtor("Ramesh", "500")
    debtor("Sunita", "499")
    rule(owner, kind="monthly", day="31", least="500")
    run(owner)
    assert not provider.sent
    noon.move_to(NOON + timedelta(days=6))  # 30 November, the last day
    run(owner)
    assert [sent.to for sent in provider.sent] == ["+919876543210"]
    noon.shift(timedelta(days=1))
    run(owner)
    assert len(provider.sent) == 1


def test_when_several_fall_together_one_goes(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    debtor("Ramesh", due_on="2026-11-24")
    rule(owner, kind="due", days="0")
    rule(owner, kind="monthly", day="24")
    owner.post("/reminders", {"who": "owes", "channel": "sms"})
    run(owner)
    assert len(provider.sent) == 1
    assert states(owner).count(("skipped", "duplicate")) == 2


def test_a_day_that_the_worker_missed(
    owner: Browser, provider: Provider, debtor: Callable[..., str], noon: Any
) -> None:
    debtor("Ramesh", due_on="2026-11-25")
    rule(owner, kind="due", days="0")
    run(owner)
    noon.shift(timedelta(days=2))
    run(owner)
    assert len(provider.sent) == 1


def test_at_each_entry(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    party, other = debtor("Ramesh"), debtor("Sunita")
    rule(owner, kind="entry", party=party.rpartition("/")[2])
    run(owner)
    assert not provider.sent  # nothing of before
    owner.write(party, "got", "120")
    owner.write(other, "gave", "7")
    run(owner)
    assert ["you paid ₹120" in sent.body for sent in provider.sent] == [True]


def test_a_rule_is_ended(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    debtor("Ramesh", due_on="2026-11-24")
    rule(owner, kind="due", days="0")
    page = owner.get("/reminders/rules")
    assert "On the day it is due" in page.text
    (end,) = [form["action"] for form in page.all("form") if form["action"].endswith("/end")]
    owner.post(end)
    run(owner)
    assert not provider.sent


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "due", "days": "366"}, {"kind": "due", "days": "-1"}, {"kind": "due", "days": "x"},
        {"kind": "monthly", "day": "0"}, {"kind": "monthly", "day": "32"},
        {"kind": "monthly", "day": "1", "least": "0"},
        {"kind": "never"}, {"kind": "due", "channel": "pigeon"},
    ],
)  # fmt: skip
def test_a_rule_that_is_none(owner: Browser, debtor: Callable[..., str], form: dict[str, str]) -> None:
    owner.post("/reminders/rules", {"channel": "sms", **form}, status=422)


def test_of_a_party_of_nobody(owner: Browser) -> None:
    owner.get("/reminders/rules?party=x", 404)
    owner.get(f"/reminders/rules?party={UUID(int=5)}", 404)


# texts


def test_in_the_shops_own_words(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    debtor("Ramesh {link}")
    body = "Dear {name}: {amount}, please. {link}"
    shown = owner.post("/reminders/text", {"body": body, "preview": "1"}, status=200)
    assert "Dear Ramesh: ₹500, please." in shown.text
    owner.post("/reminders/text", {"body": body})
    owner.post("/reminders", {"who": "owes", "channel": "sms"})
    assert provider.sent[0].body.startswith("Dear Ramesh {link}: ₹500, please. http")


def test_a_hole_is_never_sent(owner: Browser, provider: Provider, debtor: Callable[..., str]) -> None:
    debtor("Ramesh")
    owner.post("/reminders/text", {"body": "{name}, pay by {due}!"})
    owner.post("/reminders", {"who": "owes", "channel": "sms"})
    assert "is open at Asha Store" in provider.sent[0].body


@pytest.mark.parametrize("body", ["{nobody}", "{name", "x" * 1001, "{{name}}", "y" * 10_000])
def test_a_text_that_can_not_be(owner: Browser, body: str) -> None:
    refused = owner.post("/reminders/text", {"body": body}, status=422)
    assert body[:40] in refused.html
    assert owner.get("/reminders/text").hidden("kind") == "reminder"


@pytest.mark.parametrize(
    ("time", "until"),
    [
        ("20:59", None),
        ("21:00", "10:00 +1"),
        ("23:59", "10:00 +1"),
        ("00:00", "10:00"),
        ("09:59", "10:00"),
        ("10:00", None),
    ],
)
def test_quiet_hours(time: str, until: str | None) -> None:
    zone = clock.zone("Asia/Kolkata")
    now = datetime.fromisoformat(f"2026-11-24T{time}").replace(tzinfo=zone).astimezone(UTC)
    later = after_quiet_hours(now, "Asia/Kolkata")
    if until is None:
        assert later is None
        return
    day = 25 if until.endswith("+1") else 24
    assert later == datetime(2026, 11, day, 10, tzinfo=zone)


def test_the_night_the_clocks_change() -> None:
    """Berlin, 25 October 2026: ten in the morning is nine hours UTC, not eight."""
    until = after_quiet_hours(datetime(2026, 10, 24, 20, tzinfo=UTC), "Europe/Berlin")
    assert until == datetime(2026, 10, 25, 9, tzinfo=UTC)
