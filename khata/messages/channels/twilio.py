"""SMS by Twilio (Programmable Messaging, API 2010-04-01): `twilio://SID:TOKEN@+15550100200`.

The sender is a number, a name, or a messaging service (`MG…`). Twilio takes no idempotency key for messages.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from pathlib import Path

from khata.messages.channels.http_call import Caller, raise_refusal
from khata.messages.channels.interface import Outgoing, Reply, Sent, StatusUpdate
from khata.messages.channels.reports import form_of, header, prove, text_of
from khata.messages.channels.url import Url, WrongUrl

EXAMPLE = "twilio://SID:TOKEN@+15550100200"
BASE = "https://api.twilio.com"

TOO_MANY = "20429"
STATES = {"sent": "sent", "delivered": "delivered", "read": "read", "undelivered": "failed", "failed": "failed"}
# Delivery errors that pass: queue overflow, phone out of reach, lost part, unknown, carrier's limits.
PASSING_CODES = frozenset({"30001", "30002", "30003", "30008", "30009", "30017", "30022", "30023", TOO_MANY})


class TwilioChannel:
    """Twilio's Messages resource. `status_url` is where Twilio reports to, "" for nowhere."""

    takes_idempotency_key = False

    def __init__(
        self, sid: str, token: str, sender: str, *, base: str = BASE, status_url: str = "", caller: Caller | None = None
    ) -> None:
        self.address = f"{base}/2010-04-01/Accounts/{sid}/Messages.json"
        self.sid, self.token, self.sender, self.status_url = sid, token, sender, status_url
        self.caller = caller or Caller()

    def send(self, message: Outgoing) -> Sent:
        """One message; raises ChannelError or OutcomeUnknown."""
        sender = "MessagingServiceSid" if self.sender.startswith("MG") else "From"
        fields = {"To": message.to, sender: self.sender, "Body": message.body}
        if self.status_url:
            fields["StatusCallback"] = self.status_url
        answer = self.caller.ask("POST", self.address, data=fields, auth=(self.sid, self.token))
        said = answer.fields()
        code = text_of(said.get("code"))
        raise_refusal(answer, code, passing=True if code == TOO_MANY else None)
        return Sent(text_of(said.get("sid")) or None)

    def statuses(self, headers: Mapping[str, str], raw_body: bytes, url: str) -> list[StatusUpdate]:
        """parse_statuses with this account's token."""
        return parse_statuses(headers, raw_body, self.token, url)

    def replies(self, headers: Mapping[str, str], raw_body: bytes, url: str) -> list[Reply]:
        """parse_replies with this account's token."""
        return parse_replies(headers, raw_body, self.token, url)


def signature(url: str, fields: list[tuple[str, str]], token: str) -> str:
    """X-Twilio-Signature of a form: HMAC-SHA1 over the whole address and all fields, sorted, with nothing between."""
    signed = url + "".join(name + text for name, text in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), "sha1").digest()).decode()


def _proven(headers: Mapping[str, str], raw_body: bytes, token: str, url: str) -> dict[str, str]:
    fields = form_of(raw_body)
    prove(header(headers, "X-Twilio-Signature"), signature(url, fields, token), token)
    return dict(fields)


def parse_statuses(headers: Mapping[str, str], raw_body: bytes, secret: str, url: str = "") -> list[StatusUpdate]:
    """What a status callback to `url` (as Twilio knows it) tells; raises BadSignature. `secret` is the auth token."""
    fields = _proven(headers, raw_body, secret, url)
    state = STATES.get(fields.get("MessageStatus", ""))
    provider_id = text_of(fields.get("MessageSid"))
    if not state or not provider_id:
        return []
    code = text_of(fields.get("ErrorCode", ""))
    failed = state == "failed"
    error = (f"code {code}" if code else "undelivered") if failed else None
    return [StatusUpdate(provider_id, state, None, error, failed and code not in PASSING_CODES)]


def parse_replies(headers: Mapping[str, str], raw_body: bytes, secret: str, url: str = "") -> list[Reply]:
    """The text that somebody sent to our number; raises BadSignature. `secret` is the auth token."""
    fields = _proven(headers, raw_body, secret, url)
    if "From" not in fields or "Body" not in fields or "MessageStatus" in fields:
        return []
    return [Reply(fields["From"].removeprefix("whatsapp:"), fields["Body"])]


def build(url: Url, data_dir: Path) -> TwilioChannel:
    """The channel of `twilio://…`; `status` of the query is where Twilio reports to. Raises WrongUrl."""
    del data_dir
    url.need(EXAMPLE, "user", "password", "place")
    url.only("base", "status")
    if not url.user.isalnum() or url.path:
        raise WrongUrl(f"must be like {EXAMPLE}")
    status_url = url.query.get("status", "")
    return TwilioChannel(url.user, url.password, url.place, base=url.base(BASE), status_url=status_url)
