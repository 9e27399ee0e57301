"""Reads of imports; the first argument is the shop."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db
from khata.errors import NotFound
from khata.imports.matching import Matcher
from khata.imports.models import QUEUED, WRITING, Import
from khata.imports.readers import Refused
from khata.journal.queries import lines_about

IMPORTS = Import.__table__
SHOWN_REFUSED = 200
LEFT_BEHIND = timedelta(minutes=2)  # a chunk takes less than a second
EXPORT_WAITS = timedelta(minutes=10)


class Preview(NamedTuple):
    """What would become of a file if it were written now: lines to write, lines the ledger has, lines refused."""

    accepted_count: int
    already_count: int
    refused_count: int
    refused: list[Refused]  # the first of them


def get_import(shop_id: UUID, import_id: UUID) -> sa.Row[Any]:
    """The import of this id; raises NotFound."""
    row = db.session.execute(sa.select(IMPORTS).where(IMPORTS.c.shop_id == shop_id, IMPORTS.c.id == import_id)).first()
    if row is None:
        raise NotFound
    return row


def preview(shop_id: UUID, chunks: Iterable[list[Any]]) -> Preview:
    """Count what would be written, already is, and is refused; nothing is written."""
    matcher, accepted, already, refused_count = Matcher(shop_id), 0, 0, 0
    refused: list[Refused] = []
    for chunk in chunks:
        matched = matcher.match(chunk)
        new = sum(placed.is_new for placed in matched.placed)
        accepted += new
        already += len(matched.placed) - new
        refused_count += len(matched.refused)
        refused += sorted(matched.refused, key=lambda each: each.line)[: SHOWN_REFUSED - len(refused)]
    return Preview(accepted, already, refused_count, refused)


def left_behind(now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(shop_id, id) of imports that wait for a worker, or whose worker is gone."""
    query = sa.select(IMPORTS.c.shop_id, IMPORTS.c.id).where(
        IMPORTS.c.status.in_((QUEUED, WRITING)), IMPORTS.c.seen_at < now - LEFT_BEHIND
    )
    return [(row.shop_id, row.id) for row in db.session.execute(query.order_by(IMPORTS.c.seen_at).limit(limit))]


class NoExport(NotFound):
    """Nobody asked for this file, or long ago."""

    code = "no_export"
    message = _("This file was for a moment only. Take it out once more.")


def taken_out(shop_id: UUID, export_id: UUID, actor: Actor) -> str:
    """The name of the file that this member asked for a moment ago, at this device; raises NotFound."""
    line = next((one for one in lines_about(shop_id, export_id) if one.kind == "export.taken"), None)
    if line is None or (line.member_id, line.device_id) != (actor.member_id, actor.device_id):
        raise NotFound
    if clock.now() - line.recorded_at >= EXPORT_WAITS:
        raise NoExport
    return str(json.loads(line.payload)["file"])
