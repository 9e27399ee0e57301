"""SMS by any provider that takes one HTTP request a message; the URL of the setting says how.

`https+sms://user:password@gateway.example/send?to=phone&text=message&format=json&header.X-Api-Key=…&field.sender=SHOP`
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from khata.messages.channels.http_call import Answer, Caller, raise_refusal
from khata.messages.channels.interface import ChannelError, Outgoing, Sent
from khata.messages.channels.url import Url, WrongUrl

EXAMPLE = "https+sms://user:password@gateway.example/send?to=phone&text=message"
FORMATS = ("form", "json", "query")
NAMES = ("method", "format", "to", "text", "plus", "id", "accepted", "idempotency")
LONGEST_ID = 200


@dataclass(frozen=True)
class Gateway:
    """How one gateway wants it. `fields`, `headers` and `query` come along with every message.

    `id_path` leads to the message's id in a JSON answer ("messages.0.id"). `accepted` is what an answer must hold to be
    a yes, for gateways that say no with a 200. `idempotency` is the header that takes our id. Without `plus` numbers go
    as digits alone.
    """

    address: str
    method: str = "POST"
    format: str = "form"
    to: str = "to"
    text: str = "text"
    plus: bool = True
    id_path: str = ""
    accepted: str = ""
    idempotency: str = ""
    login: tuple[str, str] | None = None
    fields: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


class HttpSmsChannel:
    """A generic gateway."""

    def __init__(self, gateway: Gateway, caller: Caller | None = None) -> None:
        self.gateway = gateway
        self.caller = caller or Caller()
        self.takes_idempotency_key = bool(gateway.idempotency)

    def send(self, message: Outgoing) -> Sent:
        """One request; raises ChannelError or OutcomeUnknown."""
        gateway = self.gateway
        number = message.to if gateway.plus else message.to.lstrip("+")
        fields = {**gateway.fields, gateway.to: number, gateway.text: message.body}
        headers = dict(gateway.headers)
        if gateway.idempotency:
            headers[gateway.idempotency] = message.id
        query = dict(gateway.query)
        request: dict[str, Any] = {}
        if gateway.format == "query":
            query |= fields
        else:
            request["json" if gateway.format == "json" else "data"] = fields
        answer = self.caller.ask(
            gateway.method, gateway.address, params=query or None, headers=headers, auth=gateway.login, **request
        )
        raise_refusal(answer)
        return self._sent(answer)

    def _sent(self, answer: Answer) -> Sent:
        text = answer.body.decode("utf-8", "replace")
        if self.gateway.accepted and self.gateway.accepted not in text:
            raise ChannelError("the gateway did not accept it", is_permanent=True)
        return Sent(_found(text, self.gateway.id_path))


def _found(text: str, path: str) -> str | None:
    """What stands at `path` of a JSON text ("messages.0.id"); None without a path or where nothing stands there."""
    if not path:
        return None
    try:
        value = json.loads(text)
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
    except (ValueError, LookupError, TypeError):
        return None
    return str(value)[:LONGEST_ID] if isinstance(value, str | int) else None


def build(url: Url, data_dir: Path) -> HttpSmsChannel:
    """The channel of `https+sms://…` (`http+sms://…` within one's own network); raises WrongUrl."""
    del data_dir
    url.need(EXAMPLE, "place")
    plain = {name: text for name, text in url.query.items() if "." not in name}
    if unknown := sorted(plain.keys() - set(NAMES)):
        raise WrongUrl(f"has an unknown field after the question mark: known are {', '.join(NAMES)}, not {unknown[0]}")
    method, layout = plain.get("method", "POST").upper(), plain.get("format", "form")
    if method not in ("GET", "POST", "PUT") or layout not in FORMATS or (method == "GET" and layout != "query"):
        raise WrongUrl("must have method GET, POST or PUT and format form, json or query; GET has query alone")
    parts: dict[str, dict[str, str]] = {"field": {}, "header": {}, "query": {}}
    for name, text in url.query.items():
        kind, dot, rest = name.partition(".")
        if dot and (kind not in parts or not rest):
            raise WrongUrl("may name further fields as field.…, header.… and query.… alone")
        if dot:
            parts[kind][rest] = text
    gateway = Gateway(
        address=f"{url.scheme.removesuffix('+sms')}://{url.place}{url.path}",
        method=method,
        format=layout,
        to=plain.get("to", "to"),
        text=plain.get("text", "text"),
        plus=plain.get("plus", "yes") != "no",
        id_path=plain.get("id", ""),
        accepted=plain.get("accepted", ""),
        idempotency=plain.get("idempotency", ""),
        login=(url.user, url.password) if url.user else None,
        fields=parts["field"],
        headers=parts["header"],
        query=parts["query"],
    )
    return HttpSmsChannel(gateway)
