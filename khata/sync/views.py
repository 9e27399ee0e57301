"""What a phone's outbox speaks to, JSON in, JSON out; and the page that shows what it holds."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, Response, g, make_response, render_template, request

from khata.core.db import begin_snapshot
from khata.core.forms import Form
from khata.core.money import notation
from khata.errors import Forbidden, NotFound
from khata.journal import queries as journal_queries
from khata.sync import actions, queries
from khata.sync.checksum import checksum
from khata.sync.operations import Desk
from khata.web import dictionary, locale
from khata.web.auth import allow, any_member, may, public, unattended
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.logs import security_event
from khata.web.pwa import owner, owner_tag, phone_key

MOST_OPERATIONS = 200
NOBODY = UUID(int=0)  # stands in the form where the phone puts a party
FORMAT = 1  # of a phone's list: a phone that has another one gets it anew

blueprint = Blueprint("sync", __name__)


@blueprint.post("/sync")
@unattended
@any_member
def take() -> Response:
    """Take the operations of a phone. Each one's own permission is asked for; the answer says what became of it.

    An entry is a few bytes, so few go with it: [whose (see pwa.owner), operations, 1 where the checksum is wanted]. The
    answer is [the journal's last line, results, balances, other balances, checksum]: results and balances stand in the
    order of the operations. A result is the line of the journal, null where the operation must wait for one that was
    refused, or what the refusal says.
    """
    sent = _sent()
    if sent is None:
        return _answer({"code": "no_operations"}, 422)
    if sent.whose != owner():
        return _answer({"code": "other_member"}, 409)
    if len(sent.operations) > MOST_OPERATIONS:
        return _answer({"code": "too_many_operations"}, 422)
    taken = actions.take(g.actor, _desk(), sent.operations)
    _tell_refusals({result.get("code") for result in taken.results if isinstance(result, dict)})
    told: list[Any] = [taken.seq, taken.results]
    if may("see_balances"):
        others = {str(party): minor for party, minor in taken.balances.items() if party not in taken.parties}
        told.append([taken.balances.get(party) if party else None for party in taken.parties])
        if others or sent.compares:
            told.append(others)
        if sent.compares:
            told.append(queries.shop_checksum(g.shop.id))
    return _answer(told)


@blueprint.get("/sync/desk")
@unattended
@any_member
def desk() -> Response:
    """Whose desk this phone is, and the key to what it keeps of them; beside it no text that a stranger can choose."""
    shop, words = g.shop, dictionary.of_language(locale.lang())
    told = {
        "tag": owner_tag(),
        "member": str(g.actor.member_id),
        "shop": str(shop.id),
        "key": phone_key(),
        "locks": g.session.idle_seconds,
        "currency": notation(shop.currency, locale.lang()),
        "zone": shop.time_zone,
        "dictionary": words.url if words else None,
    }
    return _answer(told)


@blueprint.get("/outbox")
@any_member
@kept
def outbox() -> Response:
    """What waits on this phone, filled in there; offline it stands for every page that the phone has not seen."""
    nobody = {"id": NOBODY, "balance_minor": 0, "credit_limit_minor": None, "debt_since": None, "due_on": None}
    return make_response(render_template("sync/outbox.html", form=Form(), party=nobody))


@blueprint.get("/offline")
@public
def offline() -> Response:
    """What a phone shows where nobody is in and there is no network."""
    return make_response(render_template("sync/offline.html"))


@blueprint.get("/sync/parties")
@unattended
@allow("see_parties")
def parties() -> Response:
    """The shop's parties for the phone to keep, the newest activity first; 304 while nothing was written."""
    sees_balances = may("see_balances")
    if request.if_none_match.contains_weak(_tag(g.journal_seq, sees_balances)):
        return Response(status=304, headers={"ETag": f'W/"{_tag(g.journal_seq, sees_balances)}"'})
    begin_snapshot()  # number and list must be of one moment: the phone lays over it what was written later
    head = journal_queries.head(g.shop.id)
    seq, (rows, is_whole) = head[0] if head else 0, queries.phone_list(g.shop.id)
    told: dict[str, Any] = {"seq": seq, "whole": is_whole, "checksum": None, "parties": []}
    if sees_balances:
        told["parties"] = [[str(row.id), row.name, row.phone, row.kind, row.balance_minor] for row in rows]
        told["checksum"] = checksum((row.id, row.balance_minor) for row in rows) if is_whole else None
    else:
        told["parties"] = [[str(row.id), row.name, None, row.kind, None] for row in rows]
    response = _answer(told)
    response.set_etag(_tag(seq, sees_balances), weak=True)
    return response


def _tell_refusals(codes: set[str | None]) -> None:
    for code, event in ((Forbidden.code, "access.refused"), (NotFound.code, "access.not_there")):
        if code in codes:
            security_event(event, reason=code)


def _tag(seq: int, sees_balances: bool) -> str:
    return f"{FORMAT}.{g.shop.id.hex}.{seq}.{'all' if sees_balances else 'names'}"


class _Sent(NamedTuple):
    """A request of an outbox: whose it is, its operations, whatever they are, and whether it asks for the checksum."""

    whose: object
    operations: list[object]
    compares: bool


def _sent() -> _Sent | None:
    """What the body says; None where it is no such request."""
    try:
        sent = json.loads(request.get_data(), parse_int=_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(sent, list) or len(sent) not in (2, 3) or not isinstance(sent[1], list):
        return None
    return _Sent(sent[0], sent[1], len(sent) == 3)


def _number(digits: str) -> int | None:
    return int(digits) if len(digits) < 20 else None  # no phone writes a longer one, and Python refuses very long ones


def _desk() -> Desk:
    shop = g.shop
    return Desk(g.permissions, shop.currency, shop.country, shop.time_zone, shop_today(), locale.CODES)


def _answer(told: dict[str, Any] | list[Any], status: int = 200) -> Response:
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str)
    return Response(text, status, mimetype="application/json")
