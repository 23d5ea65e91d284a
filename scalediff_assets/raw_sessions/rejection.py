"""A bundle that is not fit for use, as an exception that carries its verdict.

The tree is one branch, `ValueError <- BundleRejectedError`; `validate.py` makes a manifest row of it.
"""

from scalediff_contract.reasons import Reason

MAX_DETAIL_CHARS = 500


class BundleRejectedError(ValueError):
    """A bundle that is not fit for use: reason code, and one sentence with value, limit and mend."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        # Field names and values are the player's: bound them and keep them encodable.
        self.detail = detail[:MAX_DETAIL_CHARS].encode("utf-8", "replace").decode()
        super().__init__(reason, self.detail)

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}"


def invalid_field(session_id: str, problem: str) -> BundleRejectedError:
    """A field whose value is wrong."""
    return BundleRejectedError(Reason.INVALID_FIELD, f"{session_id}: {problem}")


def too_many_rows(session_id: str, what: str, rows: int, limit: int) -> BundleRejectedError:
    """An array with more rows than the limit."""
    return BundleRejectedError(Reason.TOO_LARGE, f"{session_id}: {what} has {rows} rows (limit {limit})")
