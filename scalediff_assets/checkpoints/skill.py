"""Whether a model knows anything: its errors beside two rules that do not."""

from collections.abc import Iterable

from scalediff_assets.model_schemas import Checkpoint
from scalediff_contract.jobs import OfflineMetric

# What the agent obeys in every preset; pedals may be the holder's.
_CONTROLS = ("steer", "speed_mps")


def skill(mae: float, rule: float | None) -> float | None:
    """1 - mae / rule; not known where the rule makes no error."""
    return 1.0 - mae / rule if rule else None


def worse_than_rules(offline: Iterable[OfflineMetric]) -> str | None:
    """Controls in which a model is worse than the median and than the frame before, or None."""
    worse = [
        f"{m.control}: MAE {m.mae:.4f}, the median's {m.mae_median:.4f}, "
        f"the frame before's {m.mae_previous:.4f}"
        for m in offline
        if m.slice == "all"
        and m.control in _CONTROLS
        and m.mae_previous is not None
        and m.mae > max(m.mae_median, m.mae_previous)
    ]
    return "worse than both rules that know nothing: " + "; ".join(worse) if worse else None


def skill_problem(tables: Checkpoint) -> str | None:
    """The same, of stored tables."""
    columns = {"frames": "n"}
    rows = tables.offline.rename(columns).select(list(OfflineMetric.model_fields)).iter_rows(named=True)
    return worse_than_rules(OfflineMetric(**row) for row in rows)
