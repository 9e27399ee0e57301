"""Runs migrations on the application's own database, in one transaction."""

from contextlib import contextmanager

from alembic import context
from flask import current_app

from khata.core.db import Base, Id, Moment

_migrate = current_app.extensions["migrate"]


def _render_item(kind, item, autogen_context):
    if kind == "type" and isinstance(item, Id | Moment):
        autogen_context.imports.add("from khata.core.db import Id, Moment")
        return f"{type(item).__name__}()"
    return False


@contextmanager
def _references_checked_at_the_end(connection):
    """SQLite changes a column by making the table anew: what refers to it may for a moment refer to nothing."""
    if connection.dialect.name != "sqlite":
        yield
        return
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")  # of no effect once a transaction has begun
    try:
        yield
    finally:
        cursor.execute("PRAGMA foreign_keys=ON")


def _run():
    with context.begin_transaction():
        bind = context.get_bind()
        if bind.dialect.name == "postgresql":
            # The owner of the tables sees no rows of theirs either. Where a migration needs them, let it fail and say
            # so, and not find nothing to change, or nothing wrong.
            bind.exec_driver_sql("SET LOCAL row_security = off")
        context.run_migrations()
        if bind.dialect.name == "sqlite" and (lost := bind.exec_driver_sql("PRAGMA foreign_key_check").first()):
            raise RuntimeError(f"a row of {lost[0]} refers to nothing in {lost[2]}")


if context.is_offline_mode():
    context.configure(url=str(_migrate.db.engine.url), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = context.config.attributes.get("engine", _migrate.db.engine)  # tables may be another login's than the app's
    as_owner = engine.connect().execution_options(khata_as_owner=True)
    with as_owner as connection, _references_checked_at_the_end(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=_render_item,
            **_migrate.configure_args,
        )
        _run()
