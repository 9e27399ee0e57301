"""operations that phones wrote with no network"""

import sqlalchemy as sa
from alembic import op

from khata.core.db import Id
from khata.core.row_security import protect, unprotect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "operations",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("shop_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_operations_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "id", name=op.f("pk_operations")),
        sqlite_with_rowid=False,
    )
    protect(op, "operations")


def downgrade() -> None:
    """Back."""
    unprotect(op, "operations")
    op.drop_table("operations")
