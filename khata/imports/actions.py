"""Take a file in, say how it is read, write it a chunk at a time."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import IO, Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import after_rollback, db, is_postgresql
from khata.core.ids import new_id
from khata.errors import Conflict, Invalid
from khata.imports import queries
from khata.imports.columns import CODES, OF_ENTRY, OF_OPENING, proposed
from khata.imports.drafts import Draft
from khata.imports.matching import Matcher
from khata.imports.models import CSV, DONE, FAILED, NEW, QUEUED, WRITING, Import
from khata.imports.readers import MAX_BYTES, TOO_LARGE, Refused, Unreadable, dialect_of, encoding_of, looks_like
from khata.journal import actions as journal
from khata.ledger.actions import Content
from khata.ledger.bulk import Written, record_entries
from khata.parties import actions as party_actions
from khata.parties.actions import Details

IMPORTS = Import.__table__
TRIES = 5
BLOCK = 256 * 1024


class ImportStore:
    """Files that were brought in, under `root`, a folder for each shop."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, shop_id: UUID, import_id: UUID) -> Path:
        """Where the file is kept."""
        return self.root / shop_id.hex / import_id.hex

    def keep(self, shop_id: UUID, import_id: UUID, upload: IO[bytes]) -> Path:
        """Keep the file on the disk; gone again if the transaction is rolled back. Raises Invalid."""
        path = self.path(shop_id, import_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        after_rollback(lambda: path.unlink(missing_ok=True))
        size = 0
        with path.open("xb") as file:
            while block := upload.read(BLOCK):
                size += len(block)
                if size > MAX_BYTES:
                    raise Unreadable(TOO_LARGE, "file_too_large")
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
        return path


def _sync_folder(folder: Path) -> None:
    """Let the file's name be on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_in(
    actor: Actor, import_id: UUID, store: ImportStore, upload: IO[bytes], filename: str, form: str, lang: str
) -> sa.Row[Any]:
    """Keep a file and propose how to read it; nothing of it is written yet. Raises Invalid where it can't be read."""
    path = store.keep(actor.shop_id, import_id, upload)
    encoding = encoding_of(path)
    form = looks_like(path, encoding, form)
    mapping: dict[str, int] = {}
    if form == CSV:
        dialect = dialect_of(path, encoding)
        mapping = proposed(dialect.first, dialect.second)
    now = clock.now()
    row = Import(
        shop_id=actor.shop_id,
        id=import_id,
        status=NEW,
        filename=_plain_name(filename),
        format=form,
        encoding=encoding,
        mapping=mapping,
        lang=lang,
        member_id=actor.member_id,
        device_id=actor.device_id,
        created_at=now,
        seen_at=now,
    )
    db.session.add(row)
    db.session.flush()
    return queries.get_import(actor.shop_id, import_id)


def _plain_name(filename: str) -> str:
    name = "".join(char for char in filename.replace("\\", "/").rsplit("/", 1)[-1] if char.isprintable())
    return name[-120:] or "file"


def set_mapping(shop_id: UUID, import_id: UUID, mapping: dict[str, int], width: int) -> None:
    """Say which column is what; raises Invalid, and Conflict once the file is being written."""
    if not mapping.keys() <= CODES or not all(0 <= at < width for at in mapping.values()):
        raise Invalid(_("Choose one of the columns."), "no_such_column")
    if "name" not in mapping and "phone" not in mapping:
        raise Invalid(_("Say which column holds the name."), "no_name_column")
    if mapping.keys() & OF_ENTRY and mapping.keys() & OF_OPENING:
        raise Invalid(_("A line is an entry or an opening balance. Choose one of the two."), "entry_or_opening")
    if "amount" in mapping and mapping.keys() & {"gave", "got"}:
        raise Invalid(_("Choose either one column of amounts, or one for gave and one for got."), "one_or_two_columns")
    if "balance" in mapping and mapping.keys() & {"will_get", "will_give"}:
        raise Invalid(_("Choose either one column of balances, or one for each side."), "one_or_two_columns")
    if _change(shop_id, import_id, (NEW,), mapping=mapping) == 0:
        raise Conflict


def confirm(shop_id: UUID, import_id: UUID, *, again: bool) -> bool:
    """Let the file be written, once; a failed one goes on where it stopped. False where it is on its way already."""
    if _change(shop_id, import_id, (NEW,), status=QUEUED, again=again, seen_at=clock.now()):
        return True
    return _change(shop_id, import_id, (FAILED,), status=QUEUED, attempts=0, seen_at=clock.now()) == 1


def claim(shop_id: UUID, import_id: UUID) -> sa.Row[Any] | None:
    """Take a queued import, or one left behind, for writing: one worker gets it, everybody else None."""
    now = clock.now()
    free = sa.or_(
        IMPORTS.c.status == QUEUED,
        sa.and_(IMPORTS.c.status == WRITING, IMPORTS.c.seen_at < now - queries.LEFT_BEHIND),
    )
    mine = sa.update(IMPORTS).where(IMPORTS.c.shop_id == shop_id, IMPORTS.c.id == import_id, free)
    ends = IMPORTS.c.attempts >= TRIES
    row = db.session.execute(
        mine.values(
            status=sa.case((ends, FAILED), else_=WRITING), attempts=IMPORTS.c.attempts + 1, seen_at=now
        ).returning(IMPORTS)
    ).first()
    return row if row is not None and row.status == WRITING else None


class Outcome(NamedTuple):
    """What a chunk came to."""

    added_parties: int
    added_entries: int
    skipped_count: int
    refused: list[Refused]


def write_chunk(actor: Actor, matcher: Matcher, chunk: list[Draft | Refused], today: date) -> Outcome:
    """Write the lines of a chunk that are not in the ledger yet; those without a date get `today`."""
    journal.lock(actor.shop_id)
    placed, refused = matcher.match(chunk)
    new_parties = [each for each in placed if each.is_new_party]
    party_actions.add_parties(
        actor, [(each.party_id, each.draft.party.kind, _details(each.draft)) for each in new_parties]
    )
    entries: list[Written] = [
        (each.party_id, each.entry_id, _content(each.draft, today))
        for each in placed
        if each.is_new_entry and each.entry_id
    ]
    recorded = record_entries(actor, entries)
    refused += [
        Refused(each.draft.line, _("This balance would be too large."), each.draft.party.name)
        for each in placed
        if each.entry_id in recorded.too_large
    ]
    skipped = sum(not each.is_new for each in placed)
    return Outcome(len(new_parties), recorded.written, skipped, sorted(refused, key=lambda each: each.line))


def _content(draft: Draft, today: date) -> Content:
    return Content(draft.direction or "", draft.amount_minor, draft.on or today, draft.note)


def _details(draft: Draft) -> Details:
    party = draft.party
    note = "" if draft.direction else draft.note
    return Details(party.name, party.phone, party.address, party.gstin, note)


def advance(shop_id: UUID, import_id: UUID, number: int, outcome: Outcome) -> None:
    """Write down that chunk `number` (from 0) is done; raises Conflict where another worker did it."""
    refused = sa.select(IMPORTS.c.refused).where(IMPORTS.c.shop_id == shop_id, IMPORTS.c.id == import_id)
    shown = list(db.session.scalar(refused) or [])
    shown += [
        [each.line, str(each.reason), each.text] for each in outcome.refused[: queries.SHOWN_REFUSED - len(shown)]
    ]
    moved = sa.update(IMPORTS).where(
        IMPORTS.c.shop_id == shop_id,
        IMPORTS.c.id == import_id,
        IMPORTS.c.status == WRITING,
        IMPORTS.c.chunks_done == number,
    )
    values = {
        "chunks_done": number + 1,
        "seen_at": clock.now(),
        "added_parties": IMPORTS.c.added_parties + outcome.added_parties,
        "added_entries": IMPORTS.c.added_entries + outcome.added_entries,
        "skipped_count": IMPORTS.c.skipped_count + outcome.skipped_count,
        "refused_count": IMPORTS.c.refused_count + len(outcome.refused),
        "refused": shown,
    }
    if db.session.execute(moved.values(values)).rowcount == 0:  # type: ignore[attr-defined]
        raise Conflict


def measure_tables() -> None:
    """Let PostgreSQL plan by what has just been written: of tables that were empty it knows nothing for a minute."""
    if is_postgresql():
        db.session.execute(sa.text("ANALYZE parties, party_days, entries"))


def finish(shop_id: UUID, import_id: UUID) -> None:
    """Every line has been seen to."""
    _change(shop_id, import_id, (WRITING,), status=DONE, finished_at=clock.now())


def _change(shop_id: UUID, import_id: UUID, from_: tuple[str, ...], **values: Any) -> int:
    row = sa.update(IMPORTS).where(IMPORTS.c.shop_id == shop_id, IMPORTS.c.id == import_id, IMPORTS.c.status.in_(from_))
    return int(db.session.execute(row.values(**values)).rowcount)  # type: ignore[attr-defined]


def note_taking_out(actor: Actor, file: str) -> UUID:
    """Write in the journal that the member takes `file` out, at this device. The line's subject opens it a while."""
    export_id = new_id()
    facts = {"format": file.rpartition(".")[2], "file": file}
    journal.record(actor, journal.Event("export.taken", export_id, facts))
    return export_id
