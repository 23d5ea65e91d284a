"""The tables of the catalog, the upload API and the payouts' ledger.

Times are epoch ms, hours are partition keys such as `2026-02-01-09:00`.

A change here needs a migration in `migrations/versions`; a test compares the two.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

objects = sa.Table(
    "objects",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("etag", sa.String, primary_key=True),
    sa.Column("logical_key", sa.String, nullable=False),
    sa.Column("wallet", sa.String),
    sa.Column("session_id", sa.String),
    sa.Column("file", sa.String),
    sa.Column("upload_ms", sa.BigInteger),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("event_ms", sa.BigInteger, nullable=False),
    sa.Column("hour", sa.String, nullable=False, index=True),
    sa.Column("recorded_ms", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("detail", sa.String),
    sa.Index("objects_by_session", "wallet", "session_id"),
    sa.Index("objects_by_state", "state", "wallet", "session_id"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("wallet", sa.String, primary_key=True),
    sa.Column("session_id", sa.String, primary_key=True, index=True),
    sa.Column("trace_id", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("detail", sa.String),
    sa.Column("stage", sa.String),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("hour", sa.String),
    sa.Column("first_event_ms", sa.BigInteger, nullable=False),
    sa.Column("last_event_ms", sa.BigInteger, nullable=False),
    sa.Column("schema_version", sa.Integer),
    sa.Column("align_method", sa.String),
    sa.Column("alignment_grade", sa.String),
    sa.Column("start_uncertainty_ms", sa.Float),
    sa.Column("frames", sa.Integer),
    sa.Column("segments", sa.Integer),
    sa.Column("segments_passed", sa.Integer),
    sa.Index("sessions_by_status", "status"),
)

bundles = sa.Table(
    "bundles",
    metadata,
    sa.Column("wallet", sa.String, primary_key=True),
    sa.Column("session_id", sa.String, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("hour", sa.String, nullable=False, index=True),
    sa.Column("completed_ms", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("detail", sa.String),
)

bundle_objects = sa.Table(
    "bundle_objects",
    metadata,
    sa.Column("wallet", sa.String, primary_key=True),
    sa.Column("session_id", sa.String, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("file", sa.String, primary_key=True),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("etag", sa.String, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("upload_ms", sa.BigInteger),
)

hours = sa.Table(
    "hours",
    metadata,
    sa.Column("hour", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("requested_version", sa.Integer, nullable=False),
)

fingerprints = sa.Table(
    "fingerprints",
    metadata,
    sa.Column("segment_id", sa.String, primary_key=True),
    sa.Column("session_id", sa.String, nullable=False, index=True),
    sa.Column("hour", sa.String, nullable=False, index=True),
    sa.Column("completed_ms", sa.BigInteger, nullable=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
)

positions = sa.Table(
    "positions",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)

# The upload API's own tables: what was issued and declared, whether or not it ever arrives.

upload_nonces = sa.Table(
    "upload_nonces",
    metadata,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
)

upload_sessions = sa.Table(
    "upload_sessions",
    metadata,
    sa.Column("session_id", sa.String, primary_key=True),
    sa.Column("wallet", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("issued_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Index("upload_sessions_by_wallet", "wallet", "issued_ms"),
    sa.Index("upload_sessions_by_address", "address", "issued_ms"),
)

upload_files = sa.Table(
    "upload_files",
    metadata,
    sa.Column("session_id", sa.String, sa.ForeignKey("upload_sessions.session_id"), primary_key=True),
    sa.Column("file", sa.String, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("store_key", sa.String),
    sa.Column("claimed_ms", sa.BigInteger),
)

# The ledger of payouts. Entries and lines are only ever added; what is owed to a wallet is the sum of its
# entries without a payment. A batch is what one transaction pays, an attempt is such a transaction, signed.

payout_policies = sa.Table(
    "payout_policies",
    metadata,
    sa.Column("policy_hash", sa.String, primary_key=True),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("content", sa.String, nullable=False),
    sa.Column("first_used_ms", sa.BigInteger, nullable=False),
)

payout_rates = sa.Table(
    "payout_rates",
    metadata,
    sa.Column("day", sa.String, primary_key=True),
    sa.Column("policy_hash", sa.String, primary_key=True),
    sa.Column("trait", sa.String, primary_key=True),
    sa.Column("share_percent", sa.Float),
    sa.Column("bonus_percent", sa.Integer, nullable=False),
)

payout_entries = sa.Table(
    "payout_entries",
    metadata,
    sa.Column("entry_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", sa.String, nullable=False),
    sa.Column("wallet", sa.String, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("segments", sa.Integer, nullable=False),
    sa.Column("frames", sa.BigInteger, nullable=False),
    sa.Column("lamports", sa.BigInteger, nullable=False),
    sa.Column("policy_hash", sa.String, sa.ForeignKey("payout_policies.policy_hash"), nullable=False),
    sa.Column("quality_hash", sa.String, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("payment_id", sa.BigInteger),
    sa.Index("payout_entries_by_day", "day", "wallet", "revision", unique=True),
    sa.Index("payout_entries_by_wallet", "wallet", "payment_id"),
    sa.Index("payout_entries_by_payment", "payment_id"),
)

payout_lines = sa.Table(
    "payout_lines",
    metadata,
    sa.Column("entry_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("session_id", sa.String, primary_key=True, index=True),
    sa.Column("segments", sa.Integer, nullable=False),
    sa.Column("frames", sa.BigInteger, nullable=False),
    sa.Column("lamports", sa.BigInteger, nullable=False),
)

# As the day was last computed, not a history: nothing is paid by it.
payout_unpaid = sa.Table(
    "payout_unpaid",
    metadata,
    sa.Column("day", sa.String, primary_key=True),
    sa.Column("session_id", sa.String, primary_key=True),
    sa.Column("wallet", sa.String, primary_key=True, index=True),
    sa.Column("rule", sa.String, nullable=False),
)

payout_batches = sa.Table(
    "payout_batches",
    metadata,
    sa.Column("batch_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("chain", sa.String, nullable=False),
    sa.Column("mint", sa.String),
    sa.Column("memo", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

payout_payments = sa.Table(
    "payout_payments",
    metadata,
    sa.Column("payment_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("batch_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("wallet", sa.String, nullable=False, index=True),
    sa.Column("lamports", sa.BigInteger, nullable=False),
)

payout_attempts = sa.Table(
    "payout_attempts",
    metadata,
    sa.Column("signature", sa.String, primary_key=True),
    sa.Column("batch_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("payer", sa.String, nullable=False),
    sa.Column("last_valid_height", sa.BigInteger, nullable=False),
    sa.Column("first_slot", sa.BigInteger, nullable=False),
    sa.Column("wire", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("error", sa.String),
    sa.Column("slot", sa.BigInteger),
    sa.Column("signed_ms", sa.BigInteger, nullable=False),
    sa.Column("resolved_ms", sa.BigInteger),
    # What makes paying twice impossible: a batch has at most one transaction that may take effect.
    sa.Index(
        "payout_attempts_one",
        "batch_id",
        unique=True,
        sqlite_where=sa.text("state IN ('live', 'paid')"),
        postgresql_where=sa.text("state IN ('live', 'paid')"),
    ),
)

# Append-only: triggers refuse updates and deletions (migration 0005).
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_id", sa.String, nullable=False, unique=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False, index=True),
    sa.Column("detail", sa.String, nullable=False),
    sa.Column("previous", sa.String, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
)
