"""digests of wrong PINs, so that a right one takes back its slips"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column("members", sa.Column("wrong_pin_digests", sa.String(length=140), nullable=True))


def downgrade() -> None:
    """Back."""
    op.drop_column("members", "wrong_pin_digests")
