"""what parties agreed to, texts of a shop's own, and rules that write to parties"""

import sqlalchemy as sa
from alembic import op

from khata.core.db import Id, Moment
from khata.core.row_security import protect, unprotect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("consents", "message_texts", "reminder_rules")


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "consents",
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("party_id", Id(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("is_given", sa.Boolean(), nullable=False),
        sa.Column("told_by", sa.String(length=12), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.CheckConstraint("channel IN ('sms', 'whatsapp')", name=op.f("ck_consents_channel")),
        *_of_the_shop("consents"),
        _of_a_party("consents"),
        sa.PrimaryKeyConstraint("shop_id", "party_id", "channel", name=op.f("pk_consents")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message_texts",
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("lang", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        *_of_the_shop("message_texts"),
        sa.PrimaryKeyConstraint("shop_id", "kind", "lang", name=op.f("pk_message_texts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reminder_rules",
        sa.Column("party_id", Id(), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("least_minor", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("member_id", Id(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("run_on", sa.Date(), nullable=True),
        sa.Column("seen_seq", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.CheckConstraint("kind IN ('due', 'monthly', 'entry')", name=op.f("ck_reminder_rules_kind")),
        sa.CheckConstraint("channel IN ('sms', 'whatsapp')", name=op.f("ck_reminder_rules_channel")),
        *_of_the_shop("reminder_rules"),
        _of_a_party("reminder_rules"),
        sa.PrimaryKeyConstraint("shop_id", "id", name=op.f("pk_reminder_rules")),
        sqlite_with_rowid=False,
    )
    holds = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_reminder_rules_kind", "reminder_rules", ["kind", "shop_id"], sqlite_where=holds, postgresql_where=holds
    )
    op.add_column("messages", sa.Column("subject_id", Id(), nullable=True))
    op.create_index("ix_messages_provider_id", "messages", ["provider_id"])
    for table in TABLES:
        protect(op, table)


def downgrade() -> None:
    """Back."""
    op.drop_index("ix_messages_provider_id", "messages")
    op.drop_column("messages", "subject_id")
    for table in reversed(TABLES):
        unprotect(op, table)
        op.drop_table(table)


def _of_the_shop(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f(f"fk_{table}_shop_id")),)


def _of_a_party(table: str) -> sa.schema.SchemaItem:
    return sa.ForeignKeyConstraint(
        ["shop_id", "party_id"], ["parties.shop_id", "parties.id"], name=op.f(f"fk_{table}_shop_id_party_id")
    )
