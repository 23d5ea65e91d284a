"""Find a session's pending objects by index: without the session's key the look-up is quadratic."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the index of states name the session too."""
    op.drop_index("objects_by_state", table_name="objects")
    op.create_index("objects_by_state", "objects", ["state", "wallet", "session_id"], unique=False)


def downgrade() -> None:
    """Index the state alone."""
    op.drop_index("objects_by_state", table_name="objects")
    op.create_index("objects_by_state", "objects", ["state"], unique=False)
