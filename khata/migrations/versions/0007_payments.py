"""links to pay by, what customers say there, messages to parties, and where a shop is paid"""

import sqlalchemy as sa
from alembic import op

from khata.core.db import Id, Moment
from khata.core.row_security import owner_sees, protect, unprotect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATES = ("queued", "sending", "sent", "delivered", "read", "clicked", "failed", "unknown", "skipped")
STATES_BEFORE = ("queued", "sending", "sent", "failed", "unknown")
WAITING = sa.text("state = 'queued'")


def of_messages() -> list[sa.Column]:
    """What a message tells of a party; made anew each time, as a column belongs to one table."""
    return [
        sa.Column("is_by_hand", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("party_id", Id(), nullable=True),
        sa.Column("member_id", Id(), nullable=True),
        sa.Column("device_id", Id(), nullable=True),
        sa.Column("lang", sa.String(length=12), server_default="", nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("provider_id", sa.String(length=120), nullable=True),
    ]


def of_shops() -> list[sa.Column]:
    """Where and how a shop is paid."""
    return [
        sa.Column("upi_address", sa.String(length=50), server_default="", nullable=False),
        sa.Column("pix_key", sa.String(length=77), server_default="", nullable=False),
        sa.Column("iban", sa.String(length=34), server_default="", nullable=False),
        sa.Column("city", sa.String(length=40), server_default="", nullable=False),
        sa.Column("picture_id", Id(), nullable=True),
        sa.Column("link_days", sa.Integer(), nullable=True),
    ]


def upgrade() -> None:
    """Forward."""
    for column in of_shops():
        op.add_column("shops", column)
    _change_messages(STATES)
    op.create_index("ix_messages_party", "messages", ["shop_id", "party_id", "created_at"])
    op.create_table(
        "pay_links",
        sa.Column("party_id", Id(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("lang", sa.String(length=12), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("opened_at", Moment(), nullable=True),
        *_of_a_party("pay_links"),
        sqlite_with_rowid=False,
    )
    holds = sa.text("ended_at IS NULL")
    op.create_index("ux_pay_links_token_hash", "pay_links", ["token_hash"], unique=True)
    op.create_index(
        "ux_pay_links_party",
        "pay_links",
        ["shop_id", "party_id"],
        unique=True,
        sqlite_where=holds,
        postgresql_where=holds,
    )
    op.create_table(
        "claims",
        sa.Column("party_id", Id(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("entry_id", Id(), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("decided_by", Id(), nullable=True),
        sa.CheckConstraint("kind IN ('paid', 'wrong')", name=op.f("ck_claims_kind")),
        sa.CheckConstraint("state IN ('open', 'confirmed', 'declined')", name=op.f("ck_claims_state")),
        sa.CheckConstraint("(kind = 'paid') = (amount_minor IS NOT NULL)", name=op.f("ck_claims_amount")),
        *_of_a_party("claims"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_claims_party", "claims", ["shop_id", "party_id", "created_at"])
    op.create_index("ix_claims_state", "claims", ["shop_id", "state", "created_at"])
    for table in ("pay_links", "claims"):
        protect(op, table)


def downgrade() -> None:
    """Back."""
    for table in ("claims", "pay_links"):
        unprotect(op, table)
        op.drop_table(table)
    op.drop_index("ix_messages_party", "messages")
    with owner_sees(op, "messages"):
        op.execute("UPDATE messages SET state = 'sent' WHERE state IN ('delivered', 'read', 'clicked')")
        op.execute("UPDATE messages SET state = 'failed' WHERE state = 'skipped'")
    _change_messages(STATES_BEFORE)
    for column in of_shops():
        op.drop_column("shops", column.name)


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


def _change_messages(states: tuple[str, ...]) -> None:
    """SQLite makes the table anew for another check, and what it has of its own must be said again."""
    op.drop_index("ix_messages_waiting", "messages")
    with op.batch_alter_table("messages", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.drop_constraint(op.f("ck_messages_state"), type_="check")
        for column in of_messages():
            if states == STATES:
                batch.add_column(column)
            else:
                batch.drop_column(column.name)
        among = ", ".join(f"'{state}'" for state in states)
        batch.create_check_constraint(op.f("ck_messages_state"), f"state IN ({among})")
    op.create_index("ix_messages_waiting", "messages", ["due_at"], sqlite_where=WAITING, postgresql_where=WAITING)
