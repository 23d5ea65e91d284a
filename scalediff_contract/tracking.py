"""Where a job streams its metrics, and how jobs end."""

from typing import Literal

from scalediff_contract.driving import Declared

JobStatus = Literal["finished", "diverged", "failed"]


class TrackingTarget(Declared):
    """Where a job streams its metrics.

    Attributes:
        uri: MLflow's tracking URI.
        run_id: The MLflow run; None: only the spool is written, to be delivered later.
    """

    uri: str
    run_id: str | None = None
