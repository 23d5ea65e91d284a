"""The catalog's and the upload API's tables.

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
