"""The catalog: what arrived, what became of it, and what later stages say of each session.

Plain, transactional reading and writing; the rules of arrival are in `raw_sessions/intake.py`.
"""

from resources.catalog.catalog import Catalog
from resources.catalog.records import (
    Arrival,
    BundleObject,
    BundleRecord,
    Fingerprint,
    HourVersion,
    ObjectRecord,
    ObjectState,
    SessionOutcome,
    SessionRecord,
    Settlement,
)

__all__ = [
    "Arrival",
    "BundleObject",
    "BundleRecord",
    "Catalog",
    "Fingerprint",
    "HourVersion",
    "ObjectRecord",
    "ObjectState",
    "SessionOutcome",
    "SessionRecord",
    "Settlement",
]
