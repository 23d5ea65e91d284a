"""The ledger of payouts: policies, rates, entries, lines, batches, payments, attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MAY_TAKE_EFFECT = sa.text("state IN ('live', 'paid')")


def upgrade() -> None:
    """Make the tables."""
    _make_entries()
    _make_payments()


def _make_entries() -> None:
    op.create_table(
        "payout_policies",
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("first_used_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_hash"),
    )
    op.create_table(
        "payout_rates",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("trait", sa.String(), nullable=False),
        sa.Column("share_percent", sa.Float(), nullable=True),
        sa.Column("bonus_percent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "policy_hash", "trait"),
    )
    op.create_table(
        "payout_entries",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.Column("lamports", sa.BigInteger(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("quality_hash", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["policy_hash"], ["payout_policies.policy_hash"]),
        sa.PrimaryKeyConstraint("entry_id"),
    )
    op.create_index("payout_entries_by_day", "payout_entries", ["day", "wallet", "revision"], unique=True)
    op.create_index("payout_entries_by_wallet", "payout_entries", ["wallet", "payment_id"], unique=False)
    op.create_index("payout_entries_by_payment", "payout_entries", ["payment_id"], unique=False)
    op.create_table(
        "payout_lines",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.Column("lamports", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "session_id"),
    )
    op.create_index(op.f("ix_payout_lines_session_id"), "payout_lines", ["session_id"], unique=False)


def _make_payments() -> None:
    op.create_table(
        "payout_batches",
        sa.Column("batch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("mint", sa.String(), nullable=True),
        sa.Column("memo", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id"),
    )
    op.create_index(op.f("ix_payout_batches_state"), "payout_batches", ["state"], unique=False)
    op.create_table(
        "payout_payments",
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("lamports", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    op.create_index(op.f("ix_payout_payments_batch_id"), "payout_payments", ["batch_id"], unique=False)
    op.create_index(op.f("ix_payout_payments_wallet"), "payout_payments", ["wallet"], unique=False)
    op.create_table(
        "payout_attempts",
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("last_valid_height", sa.BigInteger(), nullable=False),
        sa.Column("first_slot", sa.BigInteger(), nullable=False),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("signed_ms", sa.BigInteger(), nullable=False),
        sa.Column("resolved_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("signature"),
    )
    op.create_index(op.f("ix_payout_attempts_batch_id"), "payout_attempts", ["batch_id"], unique=False)
    op.create_index(
        "payout_attempts_one",
        "payout_attempts",
        ["batch_id"],
        unique=True,
        sqlite_where=_MAY_TAKE_EFFECT,
        postgresql_where=_MAY_TAKE_EFFECT,
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("attempts", "payments", "batches", "lines", "entries", "rates", "policies"):
        op.drop_table(f"payout_{name}")
