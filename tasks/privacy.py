"""Erasing what was asked to be deleted, and what was kept long enough: ids in, small steps, each a transaction."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from flask import current_app

from khata.core import clock
from khata.core.db import db, is_postgresql, rollback, transaction
from khata.core.photos import PhotoStore, SharedPhotos
from khata.privacy import erasing, queries, retention
from tasks import imports

log = structlog.get_logger()
CHUNK = 1000
PAUSE_SECONDS = 0.02  # between chunks, so that people who write meanwhile get their turn
FORGET_AT_MOST = 1000
TRIES = 5


def erase_due(pause_seconds: float = PAUSE_SECONDS) -> None:
    """Erase each shop and person whose time is over; one that fails must not keep the others."""
    for shop_id in queries.due_shops(clock.now()):
        _try(erase_shop, shop_id, pause_seconds)
    for person_id in queries.due_people(clock.now()):
        _try(erase_person, person_id)
    wipe_log()


def _try(erase: Callable[..., None], *which: Any) -> None:
    try:
        erase(*which)
    except Exception as error:  # the next run goes on from here
        log.error("not_erased", exc_info=error)


def erase_shop(shop_id: UUID, pause_seconds: float = 0) -> None:
    """Erase one shop from where an earlier run stopped."""
    with transaction():
        if not erasing.shut(shop_id):
            return
    for store in (_photos(), _shared_photos(), imports.store()):
        folder = store.root / shop_id.hex
        if folder.exists():
            shutil.rmtree(folder)
    rows = 1
    while rows:
        with transaction():
            rows = erasing.erase_some(shop_id, CHUNK)
        time.sleep(pause_seconds)
    with transaction():
        erasing.finish(shop_id)
    log.info("shop_erased", shop=str(shop_id))


def erase_person(person_id: UUID) -> None:
    """Forget one person, and the photos of their face."""
    with transaction():
        faces = erasing.erase_person(person_id)
    for shop_id, photo_id in faces:
        _photos().path(shop_id, photo_id).unlink(missing_ok=True)


def wipe_log() -> None:
    """On SQLite: let nothing that was deleted stand in the write-ahead log, nor in pages that it has newer ones of."""
    if is_postgresql():
        return
    rollback()  # a read of our own would stand in the way
    connection: Any = db.engine.raw_connection()
    try:
        connection.execute("PRAGMA busy_timeout=1000")  # those who write wait meanwhile
        for _each in range(TRIES):
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0:
                return
        log.warning("log_not_wiped")  # somebody reads all the time: the next run tries again
    finally:
        connection.execute("PRAGMA busy_timeout=30000")
        connection.close()


def forget_old() -> None:
    """Messages and files that were kept long enough."""
    with transaction():
        retention.forget_messages()
    _shared_photos().forget(clock.now() - retention.SHARED_KEPT)
    for shop_id, import_id in retention.old_imports(FORGET_AT_MOST):
        imports.store().path(shop_id, import_id).unlink(missing_ok=True)
        with transaction():
            retention.forget_import(shop_id, import_id)


def _shared_photos() -> SharedPhotos:
    store: SharedPhotos = current_app.extensions["khata_shared_photos"]
    return store


def _photos() -> PhotoStore:
    store: PhotoStore = current_app.extensions["khata_photos"]
    return store
