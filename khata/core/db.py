"""The database: one declarative base, column types, write transactions and what runs after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from khata.core.clock import EPOCH, milliseconds


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


@event.listens_for(Engine, "connect")
def _on_connect(connection: Any, _record: Any) -> None:
    if not hasattr(connection, "executescript"):
        return
    connection.isolation_level = None  # pysqlite must not begin on its own: _on_begin does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "cache_size=-8000"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _on_begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get("khata_begin", "BEGIN")
    if begin and connection.dialect.name == "sqlite":
        connection.exec_driver_sql(begin)


def begin_write() -> None:
    """Start the session's transaction as a write: on SQLite it waits here, not halfway, for the other writer."""
    if db.session().in_transaction():
        db.session.rollback()  # a read may be open from loading the session: a fresh one sees what it waited for
    db.session.connection(execution_options={"khata_begin": "BEGIN IMMEDIATE"})


def look_up(query: sa.Select[Any], values: dict[str, Any], engine: Engine | None = None) -> sa.Row[Any] | None:
    """The first row of `query`, read outside any transaction: the cheapest way to ask one thing."""
    with (engine or db.engine).connect().execution_options(khata_begin=None) as connection:
        return connection.execute(query, values).first()


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
    """Commit and run, in order, what `after_commit` was given."""
    db.session.commit()
    waiting = db.session.info.pop("after_commit", [])
    forget_transaction()
    for callback in waiting:
        callback()


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


def after_commit(callback: Callable[[], object]) -> None:
    """Run `callback` once this transaction is committed; not at all if it is not."""
    db.session.info.setdefault("after_commit", []).append(callback)


def after_rollback(callback: Callable[[], object]) -> None:
    """Run `callback` if this transaction is rolled back: for what stands outside the database."""
    db.session.info.setdefault("after_rollback", []).append(callback)


def is_postgresql() -> bool:
    """True on PostgreSQL."""
    return db.engine.dialect.name == "postgresql"


def insert_missing(table: sa.Table, rows: list[dict[str, Any]], keys: list[str]) -> None:
    """Insert `rows` into `table` and leave those alone whose `keys` are there already."""
    if rows:
        db.session.execute(upsert(table).on_conflict_do_nothing(index_elements=keys), rows)


def upsert(table: sa.Table) -> Any:
    """An INSERT of this database's dialect that knows ON CONFLICT."""
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if is_postgresql() else sqlite).insert(table)


def serialise(key: str) -> None:
    """Let one transaction at a time past `key`. SQLite has one writer anyway."""
    if is_postgresql():
        db.session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
