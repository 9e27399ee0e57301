"""A phone's outbox as the server sees it: operations, and the requests that carry them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from khata.accounts.models import Member, Person
from khata.core.db import db
from khata.core.ids import new_id
from tests.client import ORIGIN, Browser

OWNER = "+919876543210"

Operation = dict[str, Any]


def place_of(app: Flask, phone: str) -> tuple[UUID, UUID]:
    """(shop, member) of the person with this number."""
    query = sa.select(Member.shop_id, Member.id).join(Person, Person.id == Member.person_id)
    with app.app_context():
        shop_id, member_id = db.session.execute(query.where(Person.phone == phone)).one()
    return shop_id, member_id


def whose(member_id: UUID) -> str:
    """How a phone names the member."""
    return base64.urlsafe_b64encode(hashlib.sha256(member_id.bytes).digest()[:4]).decode().rstrip("=")


class Outbox:
    """Sends operations as the member with `phone`, in whose hand `browser` is."""

    def __init__(self, browser: Browser, phone: str = OWNER) -> None:
        self.browser = browser
        self.shop, member_id = place_of(browser.app, phone)
        self.whose: object = whose(member_id)

    def post_body(self, body: str | bytes) -> Any:
        """The bare answer to a request."""
        return self.browser.raw("POST", "/sync", data=body, headers={"Origin": ORIGIN})

    def post(self, *operations: object, more: str = "") -> Any:
        """The bare answer to operations."""
        packed = json.dumps([packed_of(one) for one in operations])
        return self.post_body(f"[{json.dumps(self.whose)},{packed}{more}]")

    def ask(self, *operations: object, more: str = "") -> dict[str, Any]:
        """The whole answer, as a phone understands it."""
        answer = self.post(*operations, more=more)
        assert answer.status_code == 200, answer.status_code
        seq, results, *rest = answer.get_json()
        told: dict[str, Any] = {"seq": seq, "results": [spelled_out(one) for one in results], "balances": {}}
        if rest:
            of = [one.get("party") or one.get("subject") if isinstance(one, dict) else None for one in operations]
            told["balances"] = {party: minor for party, minor in zip(of, rest[0], strict=True) if minor is not None}
        if len(rest) > 1:
            told["balances"] |= rest[1]
        if len(rest) > 2:
            told["checksum"] = rest[2]
        return told

    def send(self, *operations: object) -> list[dict[str, Any]]:
        """What became of each."""
        results: list[dict[str, Any]] = self.ask(*operations)["results"]
        return results

    def states(self, *operations: object) -> list[str]:
        """Status of each, with the code where there is one."""
        return [" ".join(filter(None, (one["status"], one.get("code")))) for one in self.send(*operations)]


def packed_of(one: object) -> object:
    """An operation as a phone packs it; what is none stays as it is."""
    if not isinstance(one, dict) or one.keys() != {"id", "kind", "subject", "party", "at", "fields"}:
        return one
    packed = [one["id"], one["kind"], one["at"], one["fields"]]
    if one["party"] or one["subject"] != one["id"]:
        packed.append(one["party"])
    return packed if one["subject"] == one["id"] else [*packed, one["subject"]]


def spelled_out(result: Any) -> dict[str, Any]:
    """A result as words: of what was done before nothing tells but its line."""
    if result is None:
        return {"status": "skipped"}
    return {"status": "done", "seq": result} if isinstance(result, int) else result


def operation(kind: str, subject: UUID | str | None = None, **more: Any) -> Operation:
    """An operation of a new id; `fields` are the form's, `party` is the entry's."""
    party = more.pop("party", None)
    made = {"id": str(new_id()), "kind": kind, "subject": str(subject or new_id()), "party": party and str(party)}
    return {**made, "at": None, "fields": {}, **more}


def add(name: str = "Ramesh", party_id: UUID | str | None = None, **fields: str) -> Operation:
    """A new party."""
    return operation("party.add", party_id, fields={"name": name, "kind": "customer", **fields})


def entry(party: UUID | str, direction: str, amount: str, entry_id: UUID | str | None = None, **more: Any) -> Operation:
    """A new entry."""
    fields = {"direction": direction, "amount": amount, **more.pop("fields", {})}
    return operation("entry.record", entry_id, party=party, fields=fields, **more)


def edit(recorded: Operation, amount: str, version: str = "1", **fields: str) -> Operation:
    """Change the amount of an entry."""
    changed = {"direction": "gave", "amount": amount, "version": version, **fields}
    return operation("entry.edit", recorded["subject"], party=recorded["party"], fields=changed)


def id_in(address: str) -> str:
    """The id in the address of a page."""
    found = re.search(r"[0-9a-f-]{36}", address)
    assert found
    return found[0]
