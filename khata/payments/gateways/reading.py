"""Reading what gateways send: of strangers' JSON nothing is believed to have the right type until it was looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from khata.core.clock import EPOCH
from khata.payments.gateways.contract import GatewayError, LinkRequest, OutcomeUnknown, Unreadable

Entity = dict[str, Any]
MAX_BODY = 1_000_000  # bytes; real webhooks have a few thousand


def read_object(raw_body: bytes) -> Entity:
    """The JSON object in `raw_body`; raises Unreadable."""
    if len(raw_body) > MAX_BODY:
        raise Unreadable("the webhook is too long")
    try:
        found = json.loads(raw_body)
    except (ValueError, RecursionError):
        raise Unreadable("the webhook is no JSON") from None
    if not isinstance(found, dict):
        raise Unreadable("the webhook is no JSON object")
    return found


def part(entity: Any, *names: str) -> Entity:
    """The object within `entity` that `names` lead to; raises Unreadable where there is none."""
    for name in names:
        entity = entity.get(name) if isinstance(entity, dict) else None
    if not isinstance(entity, dict):
        raise Unreadable(f"the gateway sent no {'.'.join(names)}")
    return entity


def parts(entity: Entity, name: str) -> list[Entity]:
    """The objects in the list `name`; none where it is null or not there. Raises Unreadable."""
    found = entity.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(f"the gateway's {name} is no list")
    return found


def text(entity: Entity, name: str) -> str:
    """The text `name`; raises Unreadable where it is not there or empty."""
    found = text_or_none(entity, name)
    if found is None:
        raise Unreadable(f"the gateway sent no {name}")
    return found


def text_or_none(entity: Entity, name: str) -> str | None:
    """The text `name`, None where it is null, empty or not there; raises Unreadable for anything else."""
    found = entity.get(name)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise Unreadable(f"the gateway's {name} is no text")
    return found


def moment(entity: Entity, name: str) -> datetime:
    """The time `name`, sent in seconds since 1970; raises Unreadable."""
    found = entity.get(name)
    if type(found) is not int or not 0 < found < 10**11:
        raise Unreadable(f"the gateway's {name} is no time")
    return EPOCH + timedelta(seconds=found)


def moment_or_none(entity: Entity, name: str) -> datetime | None:
    """The time `name`; None where it is 0, null or not there. Raises Unreadable."""
    return moment(entity, name) if entity.get(name) else None


def seconds(at: datetime) -> int:
    """Whole seconds since 1970."""
    return (at - EPOCH) // timedelta(seconds=1)


def short_code(word: Any) -> str | None:
    """A gateway's error code where it is one: small letters, digits and _. Sentences may hold what is private."""
    found = str(word or "").lower()
    return found if re.fullmatch(r"[a-z0-9_.-]{1,64}", found) else None


def path_id(id_: str) -> str:
    """`id_`, which becomes part of an address at the gateway; raises GatewayError for what could lead elsewhere."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", id_):
        raise GatewayError("this is no id of the gateway", is_permanent=True, code="id")
    return id_


def check_key(idempotency_key: str) -> str:
    """The key, which every gateway can carry; raises GatewayError otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{10,64}", idempotency_key):
        raise GatewayError("the idempotency key can't be carried", is_permanent=True, code="idempotency_key")
    return idempotency_key


def check_request(request: LinkRequest, now: datetime, least: timedelta) -> None:
    """Raise GatewayError where a link can't be asked for: wrong reference or key, or less than `least` to live."""
    check_key(request.idempotency_key)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", request.reference):
        raise GatewayError("the reference can't be carried", is_permanent=True, code="reference")
    if request.expires_at and request.expires_at < now + least:
        minutes = least // timedelta(minutes=1)
        raise GatewayError(f"a link lives at least {minutes} minutes here", is_permanent=True, code="expires_at")


@contextmanager
def written() -> Iterator[None]:
    """Around what is read of the answer to a write: it was taken, so what can't be read leaves open what was done."""
    try:
        yield
    except Unreadable as error:
        raise OutcomeUnknown(str(error), code=error.code) from None
