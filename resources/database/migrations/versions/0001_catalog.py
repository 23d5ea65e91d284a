"""The catalog: objects, sessions, bundles, hours, fingerprints, positions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bundle_objects",
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("upload_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("wallet", "session_id", "revision", "file"),
    )
    op.create_table(
        "bundles",
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("hour", sa.String(), nullable=False),
        sa.Column("completed_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("wallet", "session_id", "revision"),
    )
    op.create_index(op.f("ix_bundles_hour"), "bundles", ["hour"], unique=False)
    op.create_table(
        "fingerprints",
        sa.Column("segment_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("hour", sa.String(), nullable=False),
        sa.Column("completed_ms", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id"),
    )
    op.create_index(op.f("ix_fingerprints_hour"), "fingerprints", ["hour"], unique=False)
    op.create_index(op.f("ix_fingerprints_session_id"), "fingerprints", ["session_id"], unique=False)
    op.create_table(
        "hours",
        sa.Column("hour", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("requested_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour"),
    )
    op.create_table(
        "objects",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.Column("logical_key", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=True),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("upload_ms", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("event_ms", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.String(), nullable=False),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key", "etag"),
    )
    op.create_index(op.f("ix_objects_hour"), "objects", ["hour"], unique=False)
    op.create_index("objects_by_session", "objects", ["wallet", "session_id"], unique=False)
    op.create_index("objects_by_state", "objects", ["state"], unique=False)
    op.create_table(
        "positions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sessions",
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("hour", sa.String(), nullable=True),
        sa.Column("first_event_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_event_ms", sa.BigInteger(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=True),
        sa.Column("align_method", sa.String(), nullable=True),
        sa.Column("alignment_grade", sa.String(), nullable=True),
        sa.Column("start_uncertainty_ms", sa.Float(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("segments_passed", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("wallet", "session_id"),
    )
    op.create_index(op.f("ix_sessions_session_id"), "sessions", ["session_id"], unique=False)
    op.create_index("sessions_by_status", "sessions", ["status"], unique=False)
    # ### end Alembic commands ###


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index("sessions_by_status", table_name="sessions")
    op.drop_index(op.f("ix_sessions_session_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("positions")
    op.drop_index("objects_by_state", table_name="objects")
    op.drop_index("objects_by_session", table_name="objects")
    op.drop_index(op.f("ix_objects_hour"), table_name="objects")
    op.drop_table("objects")
    op.drop_table("hours")
    op.drop_index(op.f("ix_fingerprints_session_id"), table_name="fingerprints")
    op.drop_index(op.f("ix_fingerprints_hour"), table_name="fingerprints")
    op.drop_table("fingerprints")
    op.drop_index(op.f("ix_bundles_hour"), table_name="bundles")
    op.drop_table("bundles")
    op.drop_table("bundle_objects")
    # ### end Alembic commands ###
