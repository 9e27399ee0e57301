"""what parties are asked for through gateways, and what they paid there"""

import sqlalchemy as sa
from alembic import op

from khata.core.db import Id, Moment
from khata.core.row_security import protect, unprotect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("payment_requests", "gateway_payments")


def upgrade() -> None:
    """Forward."""
    op.create_index("ix_claims_created", "claims", ["shop_id", "created_at", "id"])
    _make_requests()
    _make_payments()
    for table in TABLES:
        protect(op, table)


def _make_requests() -> None:
    op.create_table(
        "payment_requests",
        sa.Column("party_id", Id(), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("link_id", sa.String(length=255), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("error", sa.String(length=64), nullable=False),
        sa.Column("member_id", Id(), nullable=True),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'partly', 'paid', 'expired', 'cancelled', 'failed')",
            name=op.f("ck_payment_requests_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_requests_amount")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_payment_requests_shop_id")),
        sa.ForeignKeyConstraint(
            ["shop_id", "party_id"],
            ["parties.shop_id", "parties.id"],
            name=op.f("fk_payment_requests_shop_id_party_id"),
        ),
        sa.PrimaryKeyConstraint("shop_id", "id", name=op.f("pk_payment_requests")),
        sqlite_with_rowid=False,
    )
    holds = sa.text("ended_at IS NULL")
    op.create_index("ux_payment_requests_reference", "payment_requests", ["gateway", "reference"], unique=True)
    op.create_index("ix_payment_requests_link", "payment_requests", ["gateway", "link_id"])
    op.create_index("ix_payment_requests_party", "payment_requests", ["shop_id", "party_id", "made_at"])
    op.create_index("ix_payment_requests_made", "payment_requests", ["shop_id", "made_at", "id"])
    op.create_index(
        "ix_payment_requests_open", "payment_requests", ["made_at"], sqlite_where=holds, postgresql_where=holds
    )


def _make_payments() -> None:
    op.create_table(
        "gateway_payments",
        sa.Column("request_id", Id(), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("payment_id", sa.String(length=255), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("problem", sa.String(length=12), nullable=True),
        sa.Column("error", sa.String(length=64), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_written_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", Moment(), nullable=False),
        sa.Column("refunded_at", Moment(), nullable=True),
        sa.Column("refunded_by", Id(), nullable=True),
        sa.Column("entry_id", Id(), nullable=True),
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.CheckConstraint("state IN ('paid', 'failed', 'refunded')", name=op.f("ck_gateway_payments_state")),
        sa.CheckConstraint("problem IN ('currency', 'amount', 'account')", name=op.f("ck_gateway_payments_problem")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_gateway_payments_shop_id")),
        sa.ForeignKeyConstraint(
            ["shop_id", "request_id"],
            ["payment_requests.shop_id", "payment_requests.id"],
            name=op.f("fk_gateway_payments_shop_id_request_id"),
        ),
        sa.PrimaryKeyConstraint("shop_id", "id", name=op.f("pk_gateway_payments")),
        sqlite_with_rowid=False,
    )
    went_back = sa.text("refunded_at IS NOT NULL")
    op.create_index("ux_gateway_payments_payment", "gateway_payments", ["gateway", "payment_id"], unique=True)
    op.create_index("ix_gateway_payments_request", "gateway_payments", ["shop_id", "request_id"])
    op.create_index("ix_gateway_payments_paid", "gateway_payments", ["shop_id", "paid_at", "id"])
    op.create_index(
        "ix_gateway_payments_refunded",
        "gateway_payments",
        ["shop_id", "refunded_at", "id"],
        sqlite_where=went_back,
        postgresql_where=went_back,
    )


def downgrade() -> None:
    """Back."""
    for table in reversed(TABLES):
        unprotect(op, table)
        op.drop_table(table)
    op.drop_index("ix_claims_created", "claims")
