"""What is kept for a while only, and for how long. The page of what is kept tells these numbers."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from khata.core import clock
from khata.core.db import db
from khata.imports.models import Import
from khata.messages.models import HOUSE, Message

MESSAGES_KEPT = timedelta(days=7)  # Khata's own: sign-in codes, with the number each went to
SHARED_KEPT = timedelta(days=2)  # photos that were shared from a phone and put to no entry
IMPORTS_KEPT = timedelta(days=30)  # the file that was brought in, and what was refused of it


def forget_messages() -> None:
    """Delete Khata's own messages that are done with."""
    done = (Message.shop_id == HOUSE, Message.state.not_in(("queued", "sending")))
    db.session.execute(sa.delete(Message).where(*done, Message.created_at < clock.now() - MESSAGES_KEPT))


def old_imports(limit: int) -> list[tuple[UUID, UUID]]:
    """(shop_id, id) of imports whose file nobody has worked with for so long, oldest first."""
    old = sa.select(Import.shop_id, Import.id).where(Import.seen_at < clock.now() - IMPORTS_KEPT)
    return [(row.shop_id, row.id) for row in db.session.execute(old.order_by(Import.seen_at).limit(limit))]


def forget_import(shop_id: UUID, import_id: UUID) -> None:
    """Delete what is told of an import; what it wrote into the ledger stays."""
    db.session.execute(sa.delete(Import).where(Import.shop_id == shop_id, Import.id == import_id))
