"""Robots that ask for codes, so that somebody earns at each message, or pays for it."""

from __future__ import annotations

import os

import sqlalchemy as sa
from flask import Flask

from khata.accounts import codes
from khata.core.db import db, transaction
from khata.errors import TooMany
from khata.messages.models import Message
from tests.client import Browser

ADDRESSES, PREFIXES = 10_000, 10
# Each is answered by three questions to the database: PostgreSQL, a process of its own, gets a tenth of them.
SHARE = 10 if os.environ.get("KHATA_TEST_DATABASE") == "postgresql" else 1
REQUESTS, REQUESTS_OVER_HTTP = 100_000 // SHARE, 5_000 // SHARE
MOST_SENT = 50


def robot(number: int) -> tuple[str, str]:
    """The number and address of its request: ten blocks of numbers, a number of its own each time."""
    address = number % ADDRESSES
    return f"+91987{number % PREFIXES}5{number // PREFIXES:05d}"[:13], f"10.{address // 256}.{address % 256}.1"


def sent(context: Flask) -> int:
    with context.app_context(), db.engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(Message)) or 0)


def test_the_robot_is_as_many_as_it_should_be() -> None:
    asked = [robot(number) for number in range(REQUESTS)]
    assert len({address for _phone, address in asked}) == ADDRESSES
    assert len({codes.prefix_of(phone) for phone, _address in asked}) == PREFIXES
    assert len({phone for phone, _address in asked}) == REQUESTS


def test_pumping_sends_no_more_than_five_messages_a_block(context: Flask) -> None:
    """100,000 requests of 10,000 addresses for 10 blocks of numbers, in 100 transactions."""
    taken = 0
    for start in range(0, REQUESTS, 1000):
        with transaction():
            for number in range(start, start + 1000):
                try:
                    codes.send_code(*robot(number))
                    taken += 1
                except TooMany:
                    continue
    assert taken == sent(context) == MOST_SENT


def test_nor_over_http(app: Flask, visitor: Browser) -> None:
    statuses = []
    for number in range(REQUESTS_OVER_HTTP):
        phone, address = robot(number)
        headers = {"X-Forwarded-For": f"192.0.2.{number % 256}", "Cookie": ""}  # nobody is trusted to say so
        overrides = {"REMOTE_ADDR": address}
        answer = visitor.raw("POST", "/sign-in", data={"phone": phone}, headers=headers, environ_overrides=overrides)
        statuses.append(answer.status_code)
    assert statuses.count(303) == len(visitor.outbox()) == sent(app) == MOST_SENT
    assert statuses.count(429) == REQUESTS_OVER_HTTP - MOST_SENT
