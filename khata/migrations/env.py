"""Runs migrations on the application's own database, in one transaction."""

from alembic import context
from flask import current_app

from khata.core.db import Base, Id, Moment

_migrate = current_app.extensions["migrate"]


def _render_item(kind, item, autogen_context):
    if kind == "type" and isinstance(item, Id | Moment):
        autogen_context.imports.add("from khata.core.db import Id, Moment")
        return f"{type(item).__name__}()"
    return False


if context.is_offline_mode():
    context.configure(url=str(_migrate.db.engine.url), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with _migrate.db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=_render_item,
            **_migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
