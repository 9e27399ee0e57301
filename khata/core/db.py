"""The database: one declarative base, column types, write transactions and what runs after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
import structlog
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from khata.core import row_security
from khata.core.clock import EPOCH, milliseconds
from khata.core.prepared import Prepared
from khata.core.row_security import EVERY_SHOP, Sight

log = structlog.get_logger()


class Id(sa.types.TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, 16 bytes on SQLite (half the size of its text)."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """The column type for `dialect`."""
        return dialect.type_descriptor(PG_UUID() if dialect.name == "postgresql" else sa.LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """UUID to what the driver takes."""
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """What the driver gives to UUID."""
        return value if value is None or isinstance(value, UUID) else UUID(bytes=value)


class Moment(sa.types.TypeDecorator[datetime]):
    """A UTC time to the millisecond: timestamptz on PostgreSQL, milliseconds since 1970 on SQLite."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """The column type for `dialect`."""
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Aware time to what the driver takes."""
        return value if value is None or dialect.name == "postgresql" else milliseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What the driver gives to an aware UTC time."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else EPOCH + timedelta(milliseconds=value)


# text that both databases order alike, byte by byte, so that a prefix is a stretch of the index
ByCodePoint = sa.String(120).with_variant(sa.String(120, collation="C"), "postgresql")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Parent of every table."""

    __table__: ClassVar[sa.Table]
    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {UUID: Id, datetime: Moment, int: sa.BigInteger, bytes: sa.LargeBinary}  # noqa: RUF012

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> Any:
        return {"sqlite_with_rowid": False}  # the primary key is the row's place: half the pages, half the look-ups


class ShopOwned:
    """A row of one shop: primary key (shop_id, id), so that no row can point into another shop."""

    shop_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)


db = SQLAlchemy(metadata=Base.metadata)


def engine_options(url: str) -> dict[str, Any]:
    """How to open `url`: pool sizes and, on SQLite, how long a writer waits for another."""
    common = {"hide_parameters": True}  # an error's text must not carry what somebody typed into a log
    if url.startswith("sqlite"):
        connect = {"timeout": 30, "check_same_thread": False}
        return {**common, "connect_args": connect, "pool_size": 16, "max_overflow": 16}
    return {**common, "pool_size": 10, "max_overflow": 10, "pool_pre_ping": True}


PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=30000",
    "cache_size=-8000",
    "secure_delete=ON",  # what is deleted is overwritten, not left in the file; Debian's SQLite does so anyway
)


@event.listens_for(Engine, "connect")
def _on_connect(connection: Any, _record: Any) -> None:
    if not hasattr(connection, "executescript"):
        connection.autocommit = True  # psycopg must not begin on its own: _on_begin does, with a role
        return
    connection.isolation_level = None  # nor must pysqlite
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if connection.dialect.name == "sqlite":
        connection.connection.cursor().execute("BEGIN IMMEDIATE" if "khata_writes" in options else "BEGIN")
    elif "khata_as_owner" in options:
        _send(connection, "BEGIN")
    else:
        _send(connection, f"BEGIN; {row_security.sight().words()}")


def _send(connection: Connection, words: str) -> None:
    """Statements for PostgreSQL without values: all of them in one message."""
    connection.connection.cursor().execute(words, prepare=False)  # type: ignore[call-arg]


def begin_write() -> None:
    """Start the session's transaction as a write: on SQLite it waits here, not halfway, for the other writer."""
    if db.session().in_transaction():
        rollback()  # a read may be open from loading the session: a fresh one sees what it waited for
    db.session.info["connection"] = db.session.connection(execution_options={"khata_writes": True})


def begin_snapshot() -> None:
    """Start the session's transaction as a read that sees one moment, however long it takes."""
    if db.session().in_transaction():
        rollback()
    if is_postgresql():
        db.session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


def connection() -> Connection:
    """The connection of the transaction under way: to execute on it costs half of what the session does."""
    session = db.session()
    begun: Connection | None = session.info.get("connection")
    return begun if begun is not None else session.connection()


def look_up(query: Prepared, values: dict[str, Any], engine: Engine | None = None) -> Any:
    """The first row of `query`, of whatever shop, apart from the session's transaction: the cheapest way to ask."""
    with (engine or db.engine).connect() as reader:
        if reader.dialect.name == "sqlite":
            return query.first(reader, values)
        with row_security.seeing(EVERY_SHOP):
            reader.begin()
            return query.first(reader, values)


def confine(shop_id: UUID | None) -> None:
    """From now on, until `unconfine`, see the rows of one shop only; without one, of none."""
    _look(Sight(is_everywhere=False, shop_id=shop_id))


def unconfine() -> None:
    """Outside of requests every shop is seen. What is still open was begun for the request, and is dropped."""
    row_security.see(EVERY_SHOP)
    if is_postgresql() and db.session.registry.has() and db.session().in_transaction():
        db.session.rollback()


@contextmanager
def in_shop(shop_id: UUID) -> Iterator[None]:
    """See the rows of this shop, whichever the request is in: for who was shown to have a part in it."""
    with _looking(Sight(is_everywhere=False, shop_id=shop_id)):
        yield


@contextmanager
def across_shops() -> Iterator[None]:
    """See the rows of every shop: for what is found by a secret, or belongs to a person wherever they work."""
    with _looking(EVERY_SHOP):
        yield


@contextmanager
def _looking(sight: Sight) -> Iterator[None]:
    before = row_security.sight()
    _look(sight)
    try:
        yield
    except BaseException:
        _look(before, flush=False)
        raise
    _look(before)


def _look(sight: Sight, *, flush: bool = True) -> None:
    """Change what is seen, also by the transaction under way; what waits to be written goes as it was meant to go."""
    session = db.session() if db.session.registry.has() else None
    if sight == row_security.sight() or session is None or not session.in_transaction() or not is_postgresql():
        row_security.see(sight)
        return
    try:
        if flush:
            session.flush()
    finally:
        row_security.see(sight)
        if session.is_active:  # else it is to be rolled back, and what begins then sees by the new sight
            _give_sight(session.connection(), sight)


def _give_sight(connection: Connection, sight: Sight) -> None:
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status.name == "INTRANS":
        _send(connection, sight.words())


@contextmanager
def transaction() -> Iterator[None]:
    """One write transaction: commits and runs what waits for the commit, or rolls back everything."""
    begin_write()
    try:
        yield
        commit()
    except BaseException:
        rollback()
        raise


def commit() -> None:
    """Commit and run, in order, what `after_commit` was given; what fails there is logged."""
    db.session.commit()
    waiting = db.session.info.pop("after_commit", [])
    forget_transaction()
    for callback in waiting:
        try:
            callback()
        except Exception as error:  # it is committed: whoever asked must hear so, and a sweep makes up for the rest
            log.error("after_commit", exc_info=error)


def rollback() -> None:
    """Roll back and forget what waited for the commit."""
    db.session.rollback()
    waiting = db.session.info.pop("after_rollback", [])
    forget_transaction()
    for callback in waiting:
        callback()


def forget_transaction() -> None:
    """Drop what was kept for the transaction that ended."""
    db.session.info.clear()


@contextmanager
def savepoint() -> Iterator[None]:
    """A part of the transaction under way that can fail alone: what raises is undone, with all that was kept of it."""
    info = db.session().info
    before = {name: list(info.get(name, [])) for name in ("after_commit", "after_rollback")}
    try:
        with db.session.begin_nested():
            db.session.connection()  # the session sets the savepoint when it needs it, which may be too late for us
            yield
    except BaseException:
        undone = info.get("after_rollback", [])[len(before["after_rollback"]) :]
        begun = info.get("connection")
        info.clear()  # what else was kept, such as the end of a journal, may be of the part that is undone
        info.update(before if begun is None else {**before, "connection": begun})
        for callback in undone:
            callback()
        raise


def after_commit(callback: Callable[[], object]) -> None:
    """Run `callback` once this transaction is committed; not at all if it is not."""
    db.session.info.setdefault("after_commit", []).append(callback)


def after_rollback(callback: Callable[[], object]) -> None:
    """Run `callback` if this transaction is rolled back: for what stands outside the database."""
    db.session.info.setdefault("after_rollback", []).append(callback)


def is_postgresql() -> bool:
    """True on PostgreSQL."""
    return db.engine.dialect.name == "postgresql"


def inserting_new(table: sa.Table, *keys: str) -> Any:
    """The INSERT that leaves alone what is there under `keys`; `rowcount` tells.

    PostgreSQL's construct: SQLite compiles it to the same words, so that one statement, made once, serves both.
    """
    insert = postgresql.insert(table).on_conflict_do_nothing(index_elements=keys)
    return insert.execution_options(preserve_rowcount=True)  # psycopg's cursor forgets it when it is closed


def adding_up(table: sa.Table, keys: tuple[str, ...], sums: tuple[str, ...]) -> Any:
    """The INSERT that adds its `sums` to those of the row that is there under `keys`."""
    insert = postgresql.insert(table)
    added = {name: table.c[name] + insert.excluded[name] for name in sums}
    return insert.on_conflict_do_update(index_elements=keys, set_=added)


def serialise(key: str) -> None:
    """Let one transaction at a time past `key`. SQLite has one writer anyway."""
    if is_postgresql():
        db.session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
