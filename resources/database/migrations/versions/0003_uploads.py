"""The upload API's tables: used nonces, issued sessions, declared files."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "upload_nonces",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_upload_nonces_expires_ms"), "upload_nonces", ["expires_ms"], unique=False)
    op.create_table(
        "upload_sessions",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id"),
    )
    op.create_index("upload_sessions_by_wallet", "upload_sessions", ["wallet", "issued_ms"], unique=False)
    op.create_index("upload_sessions_by_address", "upload_sessions", ["address", "issued_ms"], unique=False)
    op.create_table(
        "upload_files",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("store_key", sa.String(), nullable=True),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["upload_sessions.session_id"]),
        sa.PrimaryKeyConstraint("session_id", "file"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("upload_files")
    op.drop_index("upload_sessions_by_address", table_name="upload_sessions")
    op.drop_index("upload_sessions_by_wallet", table_name="upload_sessions")
    op.drop_table("upload_sessions")
    op.drop_index(op.f("ix_upload_nonces_expires_ms"), table_name="upload_nonces")
    op.drop_table("upload_nonces")
