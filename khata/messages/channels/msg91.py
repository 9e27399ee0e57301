"""SMS by MSG91 (Flow API, v5) with India's DLT fields: `msg91://AUTHKEY@KHATAS?template=…&entity=…&dlt=…`.

MSG91 sends only what lies there as a template, so a message needs one: its own, or the channel's, whose one place
(`variable`, ordinarily `text`) takes the whole body. After @ stands the header, the registered sender. Entity and DLT
template are known to MSG91 from its own panel, too; here they go along where they are given.
MSG91 takes no idempotency key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from khata.messages.channels.http_call import Caller, raise_refusal
from khata.messages.channels.interface import ChannelError, Outgoing, Reply, Sent, StatusUpdate, Template
from khata.messages.channels.reports import form_of, header, json_of, objects, prove, text_of
from khata.messages.channels.url import Url

EXAMPLE = "msg91://AUTHKEY@KHATAS?template=TEMPLATE_ID"
BASE = "https://control.msg91.com"
SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105  # the name of a header
INDIA = ZoneInfo("Asia/Kolkata")

STATES = {"1": "delivered", "2": "failed", "9": "failed", "16": "failed", "17": "failed", "25": "failed"}
NAMED_STATES = {
    "delivered": "delivered",
    "failed": "failed",
    "rejected": "failed",
    "ndnc": "failed",
    "blocked": "failed",
}
PASSING_STATES = ("2", "failed")


class Msg91Channel:
    """MSG91's flow: one recipient a request, so that a request's id is a message's."""

    takes_idempotency_key = False

    def __init__(
        self,
        key: str,
        sender: str,
        *,
        template: str = "",
        variable: str = "text",
        entity: str = "",
        dlt_id: str = "",
        secret: str = "",
        base: str = BASE,
        caller: Caller | None = None,
    ) -> None:
        self.address = f"{base}/api/v5/flow"
        self.key, self.sender, self.entity, self.secret = key, sender, entity, secret
        self.template, self.variable, self.dlt_id = template, variable, dlt_id
        self.caller = caller or Caller()

    def send(self, message: Outgoing) -> Sent:
        """One message; raises ChannelError or OutcomeUnknown."""
        template = message.template or Template(self.template, ((self.variable, message.body),), dlt_id=self.dlt_id)
        if not template.name:
            raise ChannelError("MSG91 needs a template", is_permanent=True)
        answer = self.caller.ask(
            "POST", self.address, json=self._request(message, template), headers={"authkey": self.key}
        )
        said = answer.fields()
        raise_refusal(answer, text_of(said.get("code")))
        if said.get("type") != "success":  # it says no with a 200, too
            code = text_of(said.get("code"))
            raise ChannelError("MSG91 did not take it" + (f", code {code}" if code else ""), is_permanent=True)
        return Sent(text_of(said.get("message") or said.get("request_id")) or None)

    def _request(self, message: Outgoing, template: Template) -> dict[str, Any]:
        request: dict[str, Any] = {
            "template_id": template.name,
            "sender": template.header or self.sender,
            "short_url": "0",
            "recipients": [{**dict(template.parameters), "mobiles": message.to.lstrip("+")}],
        }
        if template.dlt_id:
            request["DLT_TE_ID"] = template.dlt_id
        if self.entity:
            request["PE_ID"] = self.entity
        return request

    def statuses(self, headers: Mapping[str, str], raw_body: bytes, url: str) -> list[StatusUpdate]:
        """parse_statuses with this channel's secret."""
        return parse_statuses(headers, raw_body, self.secret, url)

    def replies(self, headers: Mapping[str, str], raw_body: bytes, url: str) -> list[Reply]:
        """parse_replies with this channel's secret."""
        return parse_replies(headers, raw_body, self.secret, url)


def _proven(headers: Mapping[str, str], raw_body: bytes, secret: str, url: str) -> list[dict[str, Any]]:
    """The objects of a report. MSG91 signs nothing: the secret stands in a header, or in the address (`?secret=`)."""
    in_address = parse_qs(urlsplit(url).query).get("secret", [""])[0]
    prove(header(headers, SECRET_HEADER) or in_address, secret, secret)
    whole = json_of(raw_body)
    if whole is None:
        whole = dict(form_of(raw_body))
    if isinstance(whole, dict) and "data" in whole:  # version 2: JSON in a form's field
        whole = json_of(whole["data"]) if isinstance(whole["data"], str) else whole["data"]
    return objects(whole)


def parse_statuses(headers: Mapping[str, str], raw_body: bytes, secret: str, url: str = "") -> list[StatusUpdate]:
    """What a delivery report tells, in webhook versions 2, 3 and "new"; raises BadSignature."""
    found = []
    for report in _proven(headers, raw_body, secret, url):
        for line in objects(report.get("report", report)):
            provider_id = text_of(line.get("requestId") or report.get("requestId"))
            status = text_of(line.get("status")).lower()
            state = STATES.get(status) or NAMED_STATES.get(status)
            if not provider_id or not state:
                continue
            failed = state == "failed"
            at = _moment(line.get("date") or line.get("deliveryTime"))
            error = f"status {status}" if failed else None
            found.append(StatusUpdate(provider_id, state, at, error, failed and status not in PASSING_STATES))
    return found


def parse_replies(headers: Mapping[str, str], raw_body: bytes, secret: str, url: str = "") -> list[Reply]:
    """Texts that people sent to our number; raises BadSignature."""
    found = []
    for line in _proven(headers, raw_body, secret, url):
        sender, text = text_of(line.get("mobile") or line.get("number")), line.get("content") or line.get("message")
        if sender and isinstance(text, str):
            found.append(Reply("+" + sender.lstrip("+"), text))
    return found


def _moment(text: object) -> datetime | None:
    """MSG91 writes India's time, without saying so."""
    try:
        moment = datetime.fromisoformat(text_of(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=INDIA)).astimezone(UTC)


def build(url: Url, data_dir: Path) -> Msg91Channel:
    """The channel of `msg91://…`; raises WrongUrl."""
    del data_dir
    url.need(EXAMPLE, "user", "place")
    url.only("base", "template", "variable", "entity", "dlt", "secret")
    return Msg91Channel(
        url.user,
        url.place,
        template=url.query.get("template", ""),
        variable=url.query.get("variable", "text"),
        entity=url.query.get("entity", ""),
        dlt_id=url.query.get("dlt", ""),
        secret=url.query.get("secret", ""),
        base=url.base(BASE),
    )
