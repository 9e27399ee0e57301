"""debts in parts, interest, promised days, and what the shop itself has to pay"""

import sqlalchemy as sa
from alembic import op

from khata.core.db import Id, Moment
from khata.core.row_security import owner_sees, protect, unprotect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = ("plans", "plan_parts", "scheduled_payments")
KINDS, KINDS_BEFORE = "'paid', 'wrong', 'promise'", "'paid', 'wrong'"


def upgrade() -> None:
    """Forward."""
    op.add_column("parties", sa.Column("has_plan", sa.Boolean(), server_default=sa.false(), nullable=False))
    _change_claims(KINDS)
    _make_plans()
    _make_scheduled_payments()
    for table in TABLES:
        protect(op, table)


def downgrade() -> None:
    """Back: promises that customers made are no claims of before."""
    for table in reversed(TABLES):
        unprotect(op, table)
        op.drop_table(table)
    with owner_sees(op, "claims"):
        op.execute("DELETE FROM claims WHERE kind = 'promise'")
    _change_claims(KINDS_BEFORE)
    op.drop_column("parties", "has_plan")


def _make_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("party_id", Id(), nullable=False),
        sa.Column("debt_minor", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("every", sa.String(length=12), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("flat_minor", sa.BigInteger(), nullable=True),
        sa.Column("rate_millionths", sa.BigInteger(), nullable=True),
        sa.Column("rate_unit", sa.String(length=8), nullable=True),
        sa.Column("compounds", sa.Boolean(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("charged", sa.Integer(), nullable=False),
        sa.Column("charge_on", sa.Date(), nullable=True),
        sa.Column("settled_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.CheckConstraint("every IN ('week', 'fortnight', 'month')", name=op.f("ck_plans_every")),
        sa.CheckConstraint("rate_unit IN ('day', 'week', 'month', 'year')", name=op.f("ck_plans_rate_unit")),
        sa.CheckConstraint("(rate_millionths IS NULL) = (rate_unit IS NULL)", name=op.f("ck_plans_rate")),
        sa.CheckConstraint("debt_minor > 0 AND parts BETWEEN 2 AND 60", name=op.f("ck_plans_parts")),
        *_of_a_party("plans"),
        sqlite_with_rowid=False,
    )
    _make_index("ux_plans_party", "plans", ["shop_id", "party_id"], "ended_at IS NULL", unique=True)
    _make_index(
        "ix_plans_charge", "plans", ["charge_on"], "charge_on IS NOT NULL AND ended_at IS NULL AND settled_at IS NULL"
    )
    op.create_table(
        "plan_parts",
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("plan_id", Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_plan_parts_amount")),
        sa.ForeignKeyConstraint(
            ["shop_id", "plan_id"], ["plans.shop_id", "plans.id"], name=op.f("fk_plan_parts_shop_id_plan_id")
        ),
        sa.PrimaryKeyConstraint("shop_id", "plan_id", "number", name=op.f("pk_plan_parts")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_plan_parts_on", "plan_parts", ["shop_id", "on"])


def _make_scheduled_payments() -> None:
    op.create_table(
        "scheduled_payments",
        sa.Column("party_id", Id(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("every", sa.String(length=8), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_scheduled_payments_amount")),
        sa.CheckConstraint("every IN ('once', 'week', 'month')", name=op.f("ck_scheduled_payments_every")),
        *_of_a_party("scheduled_payments"),
        sqlite_with_rowid=False,
    )
    coming = "next_on IS NOT NULL"
    _make_index("ix_scheduled_payments_shop", "scheduled_payments", ["shop_id", "next_on", "id"], coming)
    _make_index("ix_scheduled_payments_next", "scheduled_payments", ["next_on"], coming)


def _of_a_party(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f(f"fk_{table}_shop_id")),
        sa.ForeignKeyConstraint(
            ["shop_id", "party_id"], ["parties.shop_id", "parties.id"], name=op.f(f"fk_{table}_shop_id_party_id")
        ),
        sa.PrimaryKeyConstraint("shop_id", "id", name=op.f(f"pk_{table}")),
    )


def _make_index(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _change_claims(kinds: str) -> None:
    """SQLite makes the table anew for another check."""
    with op.batch_alter_table("claims", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.drop_constraint(op.f("ck_claims_kind"), type_="check")
        if kinds == KINDS:
            batch.add_column(sa.Column("promised_on", sa.Date(), nullable=True))
            batch.create_check_constraint(
                op.f("ck_claims_promised_on"), "(kind = 'promise') = (promised_on IS NOT NULL)"
            )
        else:
            batch.drop_constraint(op.f("ck_claims_promised_on"), type_="check")
            batch.drop_column("promised_on")
        batch.create_check_constraint(op.f("ck_claims_kind"), f"kind IN ({kinds})")
