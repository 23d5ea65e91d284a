"""The audit log, and the triggers that let nobody change what is in it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CHANGES = ("UPDATE", "DELETE")


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index(op.f("ix_audit_log_subject"), "audit_log", ["subject"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit_log is append-only'; END $$"
        )
    for change in _CHANGES:
        op.execute(_trigger(change))


def downgrade() -> None:
    """Drop the table; its triggers go with it."""
    op.drop_index(op.f("ix_audit_log_subject"), table_name="audit_log")
    op.drop_table("audit_log")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_refuse()")


def _trigger(change: str) -> str:
    name = f"CREATE TRIGGER audit_log_no_{change.lower()} BEFORE {change} ON audit_log"
    if op.get_bind().dialect.name == "postgresql":
        return f"{name} FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()"
    return f"{name} BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END"
