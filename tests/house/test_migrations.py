"""The tables: made by the migrations, exactly as the models say, and undone again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade

from khata.core.db import Base, db


def tables() -> set[str]:
    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_head_equals_models(context: Flask) -> None:
    with db.engine.connect() as connection:
        options = {"compare_type": True, "render_as_batch": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    assert tables() == {table.name for table in Base.metadata.sorted_tables}


def test_down_to_nothing_and_up_again(context: Flask) -> None:
    try:
        downgrade(revision="base")
        assert tables() == set()
    finally:
        upgrade()
    test_head_equals_models(context)


def test_each_step_goes_down_and_up(context: Flask) -> None:
    try:
        for _step in range(20):
            if not tables():
                break
            downgrade(revision="-1")
            upgrade(revision="+1")
            downgrade(revision="-1")
        assert tables() == set()
    finally:
        upgrade()


def test_rows_of_a_shop_are_keyed_by_shop() -> None:
    """So that no row can point into another shop."""
    for table in Base.metadata.sorted_tables:
        if "shop_id" not in table.c or table.name in ("sessions", "messages", "devices"):
            continue
        assert next(iter(table.primary_key.columns)).name == "shop_id", table.name
        for constraint in table.foreign_key_constraints:
            if any(key.column.table.name in ("parties", "entries") for key in constraint.elements):
                assert "shop_id" in constraint.column_keys, f"{table.name}: {constraint.column_keys}"
