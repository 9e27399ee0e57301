"""Writing lists that were brought in: a chunk a transaction, each of them once, whatever happens in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from flask import current_app
from flask_babel import force_locale

from khata.accounts.queries import shop_by_id
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, in_shop, transaction
from khata.errors import Conflict
from khata.imports import actions, queries
from khata.imports.drafts import Terms, chunks, terms_of
from khata.imports.matching import Matcher
from tasks import huey, in_app

log = structlog.get_logger()
SWEEP_AT_MOST = 20
MEASURE_AFTER = frozenset({0, 4, 32})  # chunks
PAUSE_SECONDS = 0.02  # between chunks, so that people who write meanwhile get their turn


@huey.task()
@in_app
def write_import(shop_id: UUID, import_id: UUID) -> None:
    """Write one queued import."""
    write(shop_id, import_id, pause_seconds=PAUSE_SECONDS)


def store() -> actions.ImportStore:
    """The installation's files that were brought in."""
    return actions.ImportStore(current_app.config["KHATA"].data_dir / "imports")


def write(
    shop_id: UUID,
    import_id: UUID,
    tell: Callable[[actions.Outcome], None] = lambda outcome: None,
    pause_seconds: float = 0,
) -> None:
    """Claim, write chunk by chunk from where it stopped, finish. `tell` gets what each chunk came to."""
    with in_shop(shop_id):
        _write(shop_id, import_id, tell, pause_seconds)


def _write(shop_id: UUID, import_id: UUID, tell: Callable[[actions.Outcome], None], pause_seconds: float) -> None:
    with transaction():
        row = actions.claim(shop_id, import_id)
        shop = shop_by_id(shop_id)
        terms = terms_of(shop) if shop else None
    if row is None or terms is None:
        return
    with force_locale(row.lang):
        try:
            _write_chunks(row, terms, tell, pause_seconds)
        except Conflict:
            log.warning("import_taken_over", import_id=str(import_id))
            return
    with transaction():
        actions.finish(shop_id, import_id)


def _write_chunks(row: Any, terms: Terms, tell: Callable[[actions.Outcome], None], pause_seconds: float) -> None:
    actor = Actor(row.shop_id, row.member_id, row.device_id)
    path = store().path(row.shop_id, row.id)
    matcher = Matcher(row.shop_id, salt=row.id.hex if row.again else "")
    for number, chunk in enumerate(chunks(path, row.format, row.encoding, row.mapping, terms)):
        if number < row.chunks_done:
            matcher.match(chunk)  # written before a restart: the file's later lines lean on it
            db.session.rollback()
            continue
        with transaction():
            outcome = actions.write_chunk(actor, matcher, chunk, terms.today)
            actions.advance(row.shop_id, row.id, number, outcome)
            if number in MEASURE_AFTER:
                actions.measure_tables()
        tell(outcome)
        time.sleep(pause_seconds)


def sweep() -> int:
    """Go on with imports whose bell was missed or whose worker died. Gives how many it took up."""
    waiting = queries.left_behind(clock.now(), SWEEP_AT_MOST)
    for shop_id, import_id in waiting:
        write(shop_id, import_id, pause_seconds=PAUSE_SECONDS)
    return len(waiting)
