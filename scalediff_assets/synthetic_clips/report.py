"""What people see of clips in the UI: contact sheets, histograms with limits, coverage, latency."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from resources.connections import Connections
from resources.object_store import ObjectMissingError
from scalediff_assets.clip_schemas import GatedClips
from scalediff_assets.driving_clips.pictures import MAX_ROWS, sheet_metadata
from scalediff_assets.films import decode_film
from scalediff_assets.hours import sample
from scalediff_assets.pictures import bars, histograms, markdown_picture
from scalediff_assets.synthetic_clips.gate import gate_rates
from scalediff_assets.synthetic_clips.lake import raw_keys
from scalediff_assets.synthetic_clips.likeness import Compared
from scalediff_assets.synthetic_clips.scenarios import coverage
from scalediff_contract.scenarios import load_catalogue
from scoring.gate import GatePolicy
from scoring.gate.policy import RuleName

_SHOWN: tuple[RuleName, ...] = (
    "tcs_flow",
    "tcs_flow_worst",
    "motion",
    "flicker",
    "colour_drift",
    "sharpness",
)
_MAX_CLIP_BYTES = 512_000_000


def sheet_of(connections: Connections, rows: Iterable[tuple[str, str]]) -> dg.MarkdownMetadataValue | None:
    """Clips by (label, content key) from the raw prefix; those whose 90 days are over are left out."""
    shown = []
    for label, key in list(rows)[:MAX_ROWS]:
        try:
            film = connections.lake().get(raw_keys(key).clip, max_bytes=_MAX_CLIP_BYTES)
        except ObjectMissingError:
            continue
        shown.append((label, decode_film(film)))
    return sheet_metadata(shown) if shown else None


def score_histograms(verdicts: pl.DataFrame, policy: GatePolicy) -> dg.MarkdownMetadataValue:
    """Each measure's histogram with the limit that decides as a red line."""
    limits = limits_shown(verdicts, policy)
    return histograms({name: verdicts[name] for name in _SHOWN}, limits)


def limits_shown(verdicts: pl.DataFrame, policy: GatePolicy) -> Mapping[str, Sequence[float]]:
    """The limits that decided: calibrated ones where the clips' size has some, else stated and absolute."""
    source = verdicts["calibration"].drop_nulls()
    calibrated = next((each for each in policy.calibrated if source.len() and each.source == source[0]), None)
    found: dict[str, Sequence[float]] = {}
    for name in _SHOWN:
        stated = policy.stated.get(name)
        values = [stated.value] if stated is not None and stated.enforced else []
        if name in policy.absolute:
            values.append(policy.absolute[name])
        if calibrated is not None and name in calibrated.limits:
            values = [calibrated.limits[name]]
        found[name] = values
    return found


def coverage_report(accepted: Mapping[str, int], planned: Mapping[str, int]) -> dict[str, Any]:
    """How many of the 23 categories have clips, as numbers and as bars."""
    catalogue = load_catalogue()
    found = coverage(catalogue, accepted)
    return {
        "categories_covered": found.covered,
        "categories_missing": ", ".join(found.missing) or "none",
        "adot_covered": f"{found.adot_covered} of {found.adot_total}",
        "coverage": coverage_picture(found.counts, planned),
    }


def coverage_picture(accepted: Mapping[str, int], planned: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    """Accepted clips of each category in front of what was planned."""
    from scalediff_assets.charts import figure, png

    names = list(accepted)
    drawn, (axis,) = figure(1, 1, (5.5, 0.7 + 0.2 * len(names)))
    axis.barh(names, [planned.get(name, 0) for name in names], color="#d9d9d9", label="planned")
    axis.barh(names, list(accepted.values()), color="#4c78a8", label="accepted")
    axis.invert_yaxis()
    axis.legend(fontsize=7)
    axis.set_title("clips by category", fontsize=8)
    return markdown_picture(png(drawn), "image/png", "coverage of the categories")


def cost_picture(by_stage_usd: Mapping[str, float]) -> dg.MarkdownMetadataValue:
    """Where the money went."""
    from scalediff_assets.charts import figure, png

    drawn, (axis,) = figure(1, 1, (5.0, 0.8 + 0.28 * len(by_stage_usd)))
    shown = axis.barh(list(by_stage_usd), list(by_stage_usd.values()), color="#54a24b")
    axis.bar_label(shown, fmt="%.2g", fontsize=7)
    axis.invert_yaxis()
    axis.set_title("USD by stage", fontsize=8)
    return markdown_picture(png(drawn), "image/png", "cost by stage")


def drift_picture(row: Mapping[str, Any]) -> dg.MarkdownMetadataValue:
    """The three looks as shares of their limits: 1 alarms."""
    from scalediff_assets.charts import figure, png

    looks = ("fvd", "centres", "mixture")
    shares = [row[name] / max(row[f"{name}_limit"], 1e-12) for name in looks]
    colours = ["#e45756" if share > 1 else "#4c78a8" for share in shares]
    drawn, (axis,) = figure(1, 1, (5.0, 1.7))
    axis.barh(["features", "centres", "mixture"], shares, color=colours)
    axis.axvline(1.0, color="#e45756", linewidth=1.5)
    axis.invert_yaxis()
    axis.set_title("distance as a share of its limit", fontsize=8)
    return markdown_picture(png(drawn), "image/png", "drift")


def gate_report(
    verdicts: pl.DataFrame,
    policy: GatePolicy,
    tables: Iterable[GatedClips],
    features: Compared | None,
) -> dict[str, Any]:
    """Of a run of the gate."""
    if not verdicts.height:
        return {"clips": 0}
    reasons = verdicts.explode("reasons").drop_nulls("reasons").group_by("reasons").len().sort("reasons")
    rates = gate_rates(verdicts, policy)
    cohorts = pl.concat([each.cohorts for each in tables])
    return {
        "clips": verdicts.height,
        "rejected": rates.rejected,
        "state": rates.overall.value,
        "policy_hash": policy.policy_hash,
        "scores": score_histograms(verdicts, policy),
        "reasons": bars("clips by broken rule", dict(reasons.iter_rows())) if reasons.height else "none",
        "cohorts": sample(cohorts.select("cohort_id", "n", "rejected", "fvd", "fvd_n", "extractor"), rows=25),
        "copies": len(features.copies) if features else "nobody compared",
    }
