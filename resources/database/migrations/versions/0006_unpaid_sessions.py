"""Accepted sessions that earn nothing, and the rule that says so; what a player is told."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "payout_unpaid",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day", "session_id", "wallet"),
    )
    op.create_index(op.f("ix_payout_unpaid_wallet"), "payout_unpaid", ["wallet"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_index(op.f("ix_payout_unpaid_wallet"), table_name="payout_unpaid")
    op.drop_table("payout_unpaid")
