"""WhatsApp by Meta's Cloud API: `whatsapp://TOKEN@PHONE_NUMBER_ID?app_secret=…&verify=…`.

What a business starts must be an approved template; free text passes only within 24 hours of the customer's own
message, which Meta itself checks. The Cloud API takes no idempotency key.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from khata.messages.channels.http_call import Caller, raise_refusal
from khata.messages.channels.interface import BadSignature, Outgoing, Reply, Sent, StatusUpdate, Template
from khata.messages.channels.reports import header, json_of, moment_of, objects, prove, text_of
from khata.messages.channels.url import Url, WrongUrl

EXAMPLE = "whatsapp://TOKEN@PHONE_NUMBER_ID?app_secret=SECRET&verify=WORD"
BASE = "https://graph.facebook.com/v23.0"

STATES = ("sent", "delivered", "read", "failed")
# Meta's codes that pass: service down or busy (2, 131000, 131016, 131057), and limits of the app (4, 80007), the number
# (130429, 131048), the pair of numbers (131056) and the person (131049). All others stay as they are.
PASSING_CODES = frozenset({"2", "4", "80007", "130429", "131000", "131016", "131048", "131049", "131056", "131057"})


class WhatsAppChannel:
    """The Cloud API of one phone number."""

    takes_idempotency_key = False

    def __init__(
        self,
        token: str,
        phone_id: str,
        *,
        app_secret: str = "",
        verify: str = "",
        base: str = BASE,
        caller: Caller | None = None,
    ) -> None:
        self.address = f"{base}/{phone_id}/messages"
        self.token, self.app_secret, self.verify = token, app_secret, verify
        self.caller = caller or Caller()

    def send(self, message: Outgoing) -> Sent:
        """The message's template, or its body as free text; raises ChannelError or OutcomeUnknown."""
        request: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
        request["to"] = message.to.lstrip("+")
        if message.template:
            request |= {"type": "template", "template": _template(message.template, message.lang)}
        else:
            request |= {"type": "text", "text": {"body": message.body, "preview_url": False}}
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.caller.ask("POST", self.address, json=request, headers=headers)
        said = answer.fields()
        error = said.get("error")
        code = text_of(error.get("code")) if isinstance(error, dict) else ""
        raise_refusal(answer, code, passing=code in PASSING_CODES if code else None)
        sent = objects(said.get("messages"))
        return Sent((text_of(sent[0].get("id")) if sent else "") or None)

    def statuses(self, headers: Mapping[str, str], raw_body: bytes, url: str = "") -> list[StatusUpdate]:
        """parse_statuses with this app's secret."""
        return parse_statuses(headers, raw_body, self.app_secret, url)

    def replies(self, headers: Mapping[str, str], raw_body: bytes, url: str = "") -> list[Reply]:
        """parse_replies with this app's secret."""
        return parse_replies(headers, raw_body, self.app_secret, url)


def _template(template: Template, lang: str) -> dict[str, Any]:
    components: list[dict[str, Any]] = []
    if template.parameters:
        texts = [{"type": "text", "text": text} for _name, text in template.parameters]
        components.append({"type": "body", "parameters": texts})
    if template.button:
        text = {"type": "text", "text": template.button}
        components.append({"type": "button", "sub_type": "url", "index": "0", "parameters": [text]})
    return {"name": template.name, "language": {"code": lang.replace("-", "_") or "en"}, "components": components}


def challenge(query: Mapping[str, str], verify: str) -> str:
    """What the GET that proves the webhook's address is answered with; raises BadSignature where the word differs."""
    prove(query.get("hub.verify_token", ""), verify, verify)
    if query.get("hub.mode") != "subscribe":
        raise BadSignature
    return query.get("hub.challenge", "")


def signature(raw_body: bytes, app_secret: str) -> str:
    """X-Hub-Signature-256 of a body."""
    return "sha256=" + hmac.new(app_secret.encode(), raw_body, "sha256").hexdigest()


def _proven(headers: Mapping[str, str], raw_body: bytes, secret: str) -> list[dict[str, Any]]:
    """The `value` of every change."""
    prove(header(headers, "X-Hub-Signature-256"), signature(raw_body, secret), secret)
    whole = json_of(raw_body)
    entries = objects(whole.get("entry")) if isinstance(whole, dict) else []
    changes = [change for entry in entries for change in objects(entry.get("changes"))]
    return [change["value"] for change in changes if isinstance(change.get("value"), dict)]


def parse_statuses(headers: Mapping[str, str], raw_body: bytes, secret: str, url: str = "") -> list[StatusUpdate]:
    """What a webhook tells of messages sent; raises BadSignature. `secret` is the app's."""
    del url
    found = []
    for value in _proven(headers, raw_body, secret):
        for status in objects(value.get("statuses")):
            state, provider_id = status.get("status"), text_of(status.get("id"))
            if state not in STATES or not provider_id:
                continue
            codes = [text_of(error.get("code")) for error in objects(status.get("errors"))]
            failed = state == "failed"
            error = f"code {', '.join(filter(None, codes)) or 'none'}" if failed else None
            is_permanent = failed and not PASSING_CODES.intersection(codes)
            found.append(StatusUpdate(provider_id, state, moment_of(status.get("timestamp")), error, is_permanent))
    return found


def parse_replies(headers: Mapping[str, str], raw_body: bytes, secret: str, url: str = "") -> list[Reply]:
    """What people wrote or tapped in answer; raises BadSignature. `secret` is the app's."""
    del url
    found = []
    for value in _proven(headers, raw_body, secret):
        for message in objects(value.get("messages")):
            sender, text = text_of(message.get("from")), _text(message)
            if sender and text:
                found.append(Reply("+" + sender.lstrip("+"), text))
    return found


def _text(message: dict[str, Any]) -> str:
    """What was typed, or what stands on the button that was tapped."""
    places = (("text", "body"), ("button", "text"))
    for kind, name in places:
        part = message.get(kind)
        if isinstance(part, dict) and isinstance(part.get(name), str):
            return str(part[name])
    part = message.get("interactive")
    tapped = part.get("button_reply") if isinstance(part, dict) else None
    return text_of(tapped.get("title")) if isinstance(tapped, dict) else ""


def build(url: Url, data_dir: Path) -> WhatsAppChannel:
    """The channel of `whatsapp://…`; raises WrongUrl."""
    del data_dir
    url.need(EXAMPLE, "user", "place")
    url.only("base", "app_secret", "verify")
    if not (url.place.isascii() and url.place.isdigit()) or url.path:
        raise WrongUrl(f"must be like {EXAMPLE}")
    secret, verify = url.query.get("app_secret", ""), url.query.get("verify", "")
    return WhatsAppChannel(url.user, url.place, app_secret=secret, verify=verify, base=url.base(BASE))
