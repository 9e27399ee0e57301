"""Take operations: each is done, known already, refused, or left for later, and none stops another party's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core.actor import Actor
from khata.core.db import db, savepoint
from khata.core.forms import RefusedForm
from khata.core.money import to_plain
from khata.errors import KhataError, NotFound, WrittenOtherwise
from khata.journal import actions as journal
from khata.ledger import queries as ledger_queries
from khata.ledger import rights
from khata.ledger.actions import ChangedMeanwhile
from khata.sync import operations, queries
from khata.sync.models import Operation
from khata.sync.operations import Desk
from khata.sync.queries import Written

_NOT_HERE = _("This is not in the book of this shop.")

Result = int | None | dict[str, Any]  # its line of the journal, nothing where it waits, or why it was refused


class Taken(NamedTuple):
    """What became of each operation, in order, and which party each is about; how those stand now, and those of the
    entries; the journal's last line."""

    results: list[Result]
    parties: list[UUID | None]
    balances: dict[UUID, int]
    seq: int


class _Request:
    """The operations of one request as they are taken one after the other."""

    def __init__(self, actor: Actor, desk: Desk, written: dict[UUID, Written]) -> None:
        self.actor, self.desk, self.written = actor, desk, written
        self.parties: set[UUID] = set()  # that were named
        self.entries: set[UUID] = set()
        self.stopped: set[UUID] = set()  # parties and subjects of what was not done: what follows on them must wait
        self.added: list[dict[str, Any]] = []

    def take(self, sent: object, operation: operations.Operation | KhataError) -> Result:
        """What becomes of one operation, or of what could not be read as one."""
        if isinstance(operation, KhataError):
            self.stopped |= operations.named(sent)
            return {"status": "refused", **_told(operation)}
        self._look_at(operation)
        result = self._known(operation) if operation.id in self.written else self._tried(operation)
        if not isinstance(result, int):
            self.stopped |= operation.names
        return result

    def _look_at(self, operation: operations.Operation) -> None:
        if operation.party is not None:
            self.parties.add(operation.party)
        if operation.kind.startswith("party."):
            self.parties.add(operation.subject)
        elif operation.kind.startswith("entry."):
            self.entries.add(operation.subject)

    def _known(self, operation: operations.Operation) -> Result:
        before = self.written[operation.id]
        return before.seq if before.digest == operation.digest else self._conflict(operation, WrittenOtherwise())

    def _tried(self, operation: operations.Operation) -> Result:
        if operation.names & self.stopped:
            return None
        try:
            with savepoint():
                operations.perform(self.actor, self.desk, operation)
        except (ChangedMeanwhile, WrittenOtherwise) as conflict:
            return self._conflict(operation, conflict)
        except KhataError as refusal:
            return {"status": "refused", **_told(refusal)}
        now = Written(journal.lock(self.actor.shop_id).seq, operation.digest)
        self.written[operation.id] = now
        self.added.append({"shop_id": self.actor.shop_id, "id": operation.id, **now._asdict()})
        return now.seq

    def _conflict(self, operation: operations.Operation, conflict: KhataError) -> Result:
        return {"status": "conflict", **_told(conflict), "current": self._current(operation)}

    def _current(self, operation: operations.Operation) -> dict[str, Any] | None:
        """The entry as it stands, where this member may see it."""
        entry = ledger_queries.entry_by_id(self.actor.shop_id, operation.subject)
        desk = self.desk
        if entry is None or not rights.sees_entry(self.actor, desk.permissions, entry.id, desk.time_zone):
            return None
        return {
            "version": entry.version,
            "direction": entry.direction,
            "amount": to_plain(entry.amount_minor, desk.currency),
            "on": entry.on.isoformat(),
            "note": entry.note,
        }


def take(actor: Actor, desk: Desk, sent: Sequence[object]) -> Taken:
    """Do what can be done of `sent`, in order, each once for ever; what can't be done leaves no trace."""
    journal.lock(actor.shop_id)  # the same operation may be on its way twice: the second waits here, then finds it
    read = [_read(one) for one in sent]
    ids = [operation.id for operation in read if not isinstance(operation, KhataError)]
    request = _Request(actor, desk, queries.written(actor.shop_id, ids))
    results = [request.take(one, operation) for one, operation in zip(sent, read, strict=True)]
    if request.added:
        db.session.execute(sa.insert(Operation.__table__), request.added)
    balances = queries.balances(actor.shop_id, request.parties, request.entries)
    parties = [None if isinstance(operation, KhataError) else operation.about for operation in read]
    return Taken(results, parties, balances, journal.lock(actor.shop_id).seq)


def _read(sent: object) -> operations.Operation | KhataError:
    try:
        return operations.read(sent)
    except KhataError as refusal:
        return refusal


def _told(error: KhataError) -> dict[str, Any]:
    if isinstance(error, RefusedForm):
        field, sentence = next(iter(error.form.errors.items()))
        return {"code": error.code, "field": field, "message": sentence}
    return {"code": error.code, "message": _NOT_HERE if isinstance(error, NotFound) else error.message}
