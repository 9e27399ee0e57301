"""The shop's own texts."""

from __future__ import annotations

from khata.core.actor import Actor
from khata.core.db import db
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.messages.models import MessageText
from khata.messages.texts import check_text


def keep_text(actor: Actor, kind: str, lang: str, body: str) -> None:
    """Let messages of `kind` in `lang` say `body`; Khata's own text again where it is empty. Raises Invalid."""
    journal.lock(actor.shop_id)
    body = check_text(body)
    row = db.session.get(MessageText, (actor.shop_id, kind, lang))
    if (row.body if row else "") == body:
        return
    journal.record(actor, Event("pay.text", None, {"kind": kind, "lang": lang, "body": body}))
    if row is not None and not body:
        db.session.delete(row)
    elif row is not None:
        row.body = body
    else:
        db.session.add(MessageText(shop_id=actor.shop_id, kind=kind, lang=lang, body=body))
    db.session.flush()
