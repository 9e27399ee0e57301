"""Sending: claimed once, tried again, given up on, and a secret forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from khata.core import clock
from khata.core.db import db, transaction
from khata.messages import actions
from khata.messages.channels import ChannelError, ConsoleChannel, OutcomeUnknown, Outgoing, Sent
from khata.messages.models import Message
from tasks import messages
from tasks.schedule import SCHEDULE, see_worker, worker_seen_seconds_ago


class Broken:
    """A channel that fails as often as it is told."""

    takes_idempotency_key = False

    def __init__(self, *errors: ChannelError | OutcomeUnknown) -> None:
        self.errors = list(errors)
        self.sent: list[Outgoing] = []

    def send(self, message: Outgoing) -> Sent:
        """Fail, or keep the message."""
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)
        return Sent("one")


@pytest.fixture
def channel(context: Flask) -> Iterator[Broken]:
    """The SMS channel, in our hands."""
    real = context.extensions["khata_channels"]["sms"]
    channel = context.extensions["khata_channels"]["sms"] = Broken()
    yield channel
    context.extensions["khata_channels"]["sms"] = real


def queue(holds: timedelta = timedelta(minutes=10)) -> tuple[UUID, UUID]:
    """A queued code."""
    with transaction():
        return actions.queue_code("+919876543210", "123456 is your code", clock.now() + holds)


def the_message() -> Message:
    """The one message there is, fresh from the database."""
    db.session.remove()
    return db.session.scalars(sa.select(Message)).one()


def test_it_works(channel: Broken) -> None:
    messages.deliver(*queue())
    assert [one.body for one in channel.sent] == ["123456 is your code"]
    assert (the_message().state, the_message().body) == ("sent", "")


def test_a_message_is_sent_once(channel: Broken) -> None:
    ids = queue()
    messages.deliver(*ids)
    messages.deliver(*ids)
    assert len(channel.sent) == 1


def test_a_passing_error_is_tried_again_later(channel: Broken) -> None:
    channel.errors = [ChannelError("busy"), ChannelError("busy")]
    messages.deliver(*queue())
    assert (the_message().state, the_message().body) == ("queued", "123456 is your code")
    assert messages.sweep() == 0
    with time_machine.travel(clock.now() + timedelta(seconds=6), tick=True):
        assert messages.sweep() == 1
    with time_machine.travel(clock.now() + timedelta(minutes=2), tick=True):
        assert messages.sweep() == 1
    assert (the_message().state, the_message().attempts) == ("sent", 3)


def test_a_permanent_error_ends_it(channel: Broken) -> None:
    channel.errors = [ChannelError("no such number", is_permanent=True)]
    messages.deliver(*queue())
    assert (the_message().state, the_message().error, the_message().body) == ("failed", "no such number", "")


def test_a_provider_that_says_how_long_is_left_alone_so_long(channel: Broken) -> None:
    channel.errors = [ChannelError("too many", retry_after=300)]
    messages.deliver(*queue())
    assert timedelta(seconds=290) < the_message().due_at - clock.now() <= timedelta(seconds=300)
    with time_machine.travel(clock.now() + timedelta(seconds=290), tick=True):
        assert messages.sweep() == 0
    with time_machine.travel(clock.now() + timedelta(seconds=301), tick=True):
        assert messages.sweep() == 1
    assert the_message().state == "sent"


def test_a_wait_shorter_than_ours_is_ours(channel: Broken) -> None:
    channel.errors = [ChannelError("busy", retry_after=1)]
    messages.deliver(*queue())
    assert the_message().due_at - clock.now() > timedelta(seconds=4)


def test_what_may_have_gone_out_is_never_sent_again(channel: Broken) -> None:
    channel.errors = [OutcomeUnknown("no answer")]
    messages.deliver(*queue())
    assert (the_message().state, the_message().error, the_message().body) == ("unknown", "no answer", "")
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=True):
        assert messages.sweep() == 0
    assert channel.sent == []


def test_a_provider_that_knows_it_again_is_asked_again(channel: Broken) -> None:
    channel.errors = [OutcomeUnknown("no answer")]
    channel.takes_idempotency_key = True
    ids = queue()
    messages.deliver(*ids)
    assert the_message().state == "queued"
    with time_machine.travel(clock.now() + timedelta(seconds=6), tick=True):
        assert messages.sweep() == 1
    assert [one.id for one in channel.sent] == [str(ids[1])]
    assert the_message().state == "sent"


def test_a_channel_that_is_not_set_up_fails_at_once(context: Flask, channel: Broken) -> None:
    ids = queue()
    del context.extensions["khata_channels"]["sms"]
    messages.deliver(*ids)
    assert (the_message().state, the_message().error) == ("failed", "this channel is not set up")


def test_a_code_that_no_longer_holds_is_not_sent(channel: Broken) -> None:
    messages.deliver(*queue(holds=timedelta(seconds=-1)))
    assert channel.sent == []
    assert (the_message().state, the_message().body) == ("failed", "")


def test_a_missed_bell_is_made_up(channel: Broken) -> None:
    queue()
    assert messages.sweep() == 1
    assert the_message().state == "sent"


def test_what_a_dead_worker_left_is_unknown_and_not_sent_again(channel: Broken) -> None:
    ids = queue()
    with transaction():
        actions.claim(*ids)
    with time_machine.travel(clock.now() + timedelta(minutes=6), tick=True):
        messages.sweep()
    assert (the_message().state, the_message().body) == ("unknown", "")
    assert channel.sent == []


def test_the_console_says_when_it_cannot_write(context: Flask, tmp_path: Path) -> None:
    with pytest.raises(ChannelError):
        ConsoleChannel(tmp_path / "missing").send(Outgoing("1", "sms", "+91", "x"))


def test_a_worker_is_seen(context: Flask) -> None:
    see_worker()
    seen = worker_seen_seconds_ago()
    assert seen is not None
    assert seen < 5


def test_every_periodic_task_runs(context: Flask) -> None:
    for _name, function, _when in SCHEDULE:
        function()
    assert worker_seen_seconds_ago() is not None
