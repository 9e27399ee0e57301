"""Row-level security: PostgreSQL itself keeps the rows of one shop from another.

A transaction takes one of two roles as it begins, with SET LOCAL, so that nothing of it outlives the transaction and a
pooler between us and the server does no harm. Neither role owns a table, may log in, or passes by row security:

- `khata_shop` sees the rows of the shop that `khata.shop_id` names, of none where it names none: every request.
- `khata_house` sees every shop: commands, the worker, and the few reads of a request that cross shops by nature.

This is the second line, for the day a query forgets its shop. It is none against somebody who can send SQL of their
own: they could take the other role.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple
from uuid import UUID

SHOP_ROLE, HOUSE_ROLE = "khata_shop", "khata_house"
SHOP_NOW = "nullif(current_setting('khata.shop_id', true), '')::uuid"  # an ended SET LOCAL leaves '' behind


class Sight(NamedTuple):
    """Whose rows a transaction sees: every shop's, one shop's, or none's."""

    is_everywhere: bool
    shop_id: UUID | None = None

    def words(self) -> str:
        """The SQL that gives a transaction this sight until it ends."""
        if self.is_everywhere:
            return f"SET LOCAL ROLE {HOUSE_ROLE}"
        return f"SET LOCAL ROLE {SHOP_ROLE}; SET LOCAL khata.shop_id = '{self.shop_id.hex if self.shop_id else ''}'"


EVERY_SHOP = Sight(is_everywhere=True)

_sight: ContextVar[Sight] = ContextVar("khata_sight", default=EVERY_SHOP)


def sight() -> Sight:
    """What a transaction that begins now will see."""
    return _sight.get()


def see(wanted: Sight) -> None:
    """Let transactions that begin from now on in this thread see so much."""
    _sight.set(wanted)


@contextmanager
def seeing(wanted: Sight) -> Iterator[None]:
    """Let transactions that begin in the block see so much."""
    before = _sight.get()
    _sight.set(wanted)
    try:
        yield
    finally:
        _sight.set(before)


def protect(op: Any, table: str, column: str = "shop_id", rows: str = "") -> None:
    """In a migration: let each shop see and write its own rows of `table` only, else those where `rows` holds.

    Every new table with a shop_id needs it. The tables' owner is held as well. On SQLite there is nothing to do.
    """
    if op.get_context().dialect.name != "postgresql":
        return
    for step in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY of_the_shop ON {table} TO {SHOP_ROLE} USING ({rows or f'{column} = {SHOP_NOW}'})",
        f"CREATE POLICY of_the_house ON {table} TO {HOUSE_ROLE} USING (true)",
    ):
        op.execute(step)


@contextmanager
def owner_sees(op: Any, table: str) -> Iterator[None]:
    """In a migration: let the tables' owner, who runs it, change rows of `table` in this block. Policies stay."""
    _force(op, table, "NO FORCE")
    yield
    _force(op, table, "FORCE")


def _force(op: Any, table: str, word: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        step = f"ALTER TABLE {table} {word} ROW LEVEL SECURITY"
        op.execute(step)


def unprotect(op: Any, table: str) -> None:
    """In a migration: undo `protect`; policies that were added to it go by their own words."""
    if op.get_context().dialect.name != "postgresql":
        return
    for step in (
        f"DROP POLICY of_the_house ON {table}",
        f"DROP POLICY of_the_shop ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ):
        op.execute(step)
