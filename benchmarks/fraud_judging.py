"""The population judged by the product's own rules: the honest among themselves, attacks after them."""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from benchmarks import fraud_attacks as attacks
from benchmarks.fraud_attacks import Drives, Upload
from benchmarks.fraud_pictures import Filmed
from benchmarks.fraud_report import FraudReport, Share
from scalediff_assets.payouts.fraud.evidence import Evidence, gather
from scalediff_assets.payouts.fraud.judge import CROWDED, FARMED, ISSUED, RULES, exclusions, judge
from scalediff_assets.payouts.policy import load_price_policy
from scalediff_assets.payouts.pricing import ACCEPTED, NO_SERVER_SESSION, PAYABLE, price
from scalediff_assets.quality_scores.duplicates import Fingerprints, find_duplicates, fingerprint_segments
from scalediff_assets.quality_scores.policy import load_policy
from scalediff_assets.schemas import SIGNALS, VERDICTS

_CROWD_MIN = 20
_VIDEO_RULES = ("repeated_video", "copied_pictures")
# Honest drives by the wrong people: what they show is new, and only rules over rows can tell.
_NEW_DATA = {"farming": {FARMED}, "many wallets": {CROWDED}, "no server session": set[str]()}


def fraud_report(honest: Drives, scripts: Drives, films: Sequence[Filmed]) -> FraudReport:
    """Judge everybody.

    Args:
        honest: Drives of honest players, with which most attacks are made.
        scripts: Drives of scripts.
        films: Honest and doctored recordings.
    """
    uploads, count = attacks.honest_uploads(honest), max(2, min(200, len(honest)))
    base = _evidence(uploads)
    fraud = _judged(uploads, base, base.tracks.clear())
    hits = _rules_of(uploads, fraud)
    found = {rule: Share(hits=hits[rule], n=len(uploads)) for rule in (*RULES, NO_SERVER_SESSION)}
    cap = load_price_policy().fraud.farmed_scenario.sessions_max
    made = [
        *attacks.copied_drives(honest, count), *attacks.scripted(scripts),
        *attacks.replayed_inputs(honest, count), *attacks.without_session(honest, count),
        *attacks.farming(honest, cap + count), *attacks.crowd(honest, max(count, _CROWD_MIN)),
    ]  # fmt: skip
    stopped: dict[str, Share] = {}
    by_rule: dict[str, Counter[str]] = {}
    for kind in dict.fromkeys(upload.kind for upload in made):
        of_kind = [upload for upload in made if upload.kind == kind]
        stopped[kind], by_rule[kind] = _judge_attack(kind, of_kind, base.tracks, cap)
    video, films_stopped, films_by_rule = _judge_films(films)
    return FraudReport(honest=found | video, stopped=stopped | films_stopped, by_rule=by_rule | films_by_rule)


def _judge_attack(
    kind: str, made: Sequence[Upload], earlier: pl.DataFrame, cap: int
) -> tuple[Share, Counter[str]]:
    """What of an attack earns nothing, and by which rules; of farming, what lies over the cap counts."""
    fresh = _evidence(made)
    if kind in _NEW_DATA:
        fraud = _judged(made, fresh, earlier.clear()).filter(pl.col("rule").is_in(list(_NEW_DATA[kind])))
    else:
        fraud = _judged(made, fresh, earlier)
    free = cap if kind == "farming" else 0
    return Share(hits=len(made) - len(_paid(made, fraud)), n=len(made) - free), _rules_of(made, fraud)


def _judged(uploads: Sequence[Upload], evidence: Evidence, earlier: pl.DataFrame) -> pl.DataFrame:
    return judge(evidence, earlier=earlier, issued=_issued(uploads), limits=load_price_policy().fraud)


def _rules_of(uploads: Sequence[Upload], fraud: pl.DataFrame) -> Counter[str]:
    """Sessions that each rule hits."""
    hits = Counter(fraud.select("session_id", "rule").unique()["rule"].to_list())
    unissued = _priced(uploads, fraud.clear()).filter(pl.col("rule") == NO_SERVER_SESSION).height
    return hits + Counter({NO_SERVER_SESSION: unissued})


def _paid(uploads: Sequence[Upload], fraud: pl.DataFrame) -> set[str]:
    """Sessions that earn."""
    return set(_priced(uploads, fraud).filter(pl.col("status") == PAYABLE)["session_id"])


def _priced(uploads: Sequence[Upload], fraud: pl.DataFrame) -> pl.DataFrame:
    """The product's own pricing, with one accepted segment each."""
    rows = [(f"{each.session_id}-1", each.session_id, each.wallet, 100, None, None) for each in uploads]
    return price(
        accepted=pl.DataFrame(rows, schema=ACCEPTED, orient="row"),
        proven=_issued(uploads).select("wallet", "session_id"),
        excluded=exclusions(fraud),
        rates=[],
        policy=load_price_policy(),
    ).sessions


def _judge_films(
    films: Sequence[Filmed],
) -> tuple[dict[str, Share], dict[str, Share], dict[str, Counter[str]]]:
    """Honest hits of the video rules, what of the doctored videos is stopped, and by which rule."""
    originals = [film for film in films if film.kind == "honest"]
    honest: dict[str, Share] = {}
    stopped: dict[str, Share] = {}
    by_rule: dict[str, Counter[str]] = {}
    for kind in dict.fromkeys(film.kind for film in films):
        of_kind = [film for film in films if film.kind == kind]
        hits = _video_hits(of_kind, originals)
        counts = Counter(hits["rule"].to_list())
        if kind == "honest":
            honest = {rule: Share(hits=counts[rule], n=len(of_kind)) for rule in _VIDEO_RULES}
            continue
        name = f"doctored video, {kind}"
        stopped[name] = Share(hits=hits["session_id"].n_unique(), n=len(of_kind))
        by_rule[name] = counts
    return honest, stopped, by_rule


def _video_hits(films: Sequence[Filmed], originals: Sequence[Filmed]) -> pl.DataFrame:
    """`session_id, rule` of the films that break a video rule; the originals came before them."""
    limits = load_price_policy().fraud
    evidence = gather(
        sessions=_session_rows([(_name(film), "w", "free", _arrival_ms(film)) for film in films]),
        frames=pl.concat([film.frames.with_columns(session_id=pl.lit(_name(film))) for film in films]),
        signals=pl.concat([film.signals.with_columns(session_id=pl.lit(_name(film))) for film in films]),
        verdicts=_duplicates(films, originals),
        limits=limits,
    )
    none_earlier, nobody = evidence.tracks.clear(), ISSUED.to_frame()
    fraud = judge(evidence, earlier=none_earlier, issued=nobody, limits=limits)
    return fraud.filter(pl.col("rule").is_in(_VIDEO_RULES)).select("session_id", "rule").unique()


def _duplicates(films: Sequence[Filmed], originals: Sequence[Filmed]) -> pl.DataFrame:
    """Of VERDICTS what the rule reads, by the quality stage's own search for duplicates."""
    limits = load_policy().duplicates
    fresh, known = (_fingerprints(part, limits.quality_min) for part in (films, originals))
    found = find_duplicates(fresh, known, limits)
    named = {"segment_id": fresh.segment_ids, "session_id": fresh.session_ids}
    segments = pl.DataFrame(named, schema=dict.fromkeys(named, pl.String))
    return segments.join(found, on="segment_id", how="left").select("session_id", "duplicate_of")


def _fingerprints(films: Sequence[Filmed], quality_min: int) -> Fingerprints:
    """The fingerprints of all segments, as the quality stage makes them."""
    hashed = []
    for film in films:
        bounds = film.segments.filter(pl.col("skip_reason").is_null()).select(
            "segment_id", "end_frame_idx", frame_idx="first_frame_idx"
        )
        hashed.append(
            film.signals.filter(pl.col("pdq_hash").is_not_null()).sort("frame_idx")
            .join_asof(bounds.sort("frame_idx"), on="frame_idx")
            .filter(pl.col("frame_idx") < pl.col("end_frame_idx"))
            .with_columns(session_id=pl.lit(_name(film)))
            .with_columns(segment_id=pl.col("session_id") + "-" + pl.col("segment_id"))
            .select("segment_id", "session_id", "frame_idx", "pdq_hash", "pdq_quality")
        )  # fmt: skip
    arrivals = {"session_id": [*map(_name, films)], "completed_ms": [*map(_arrival_ms, films)]}
    return fingerprint_segments(pl.concat(hashed), pl.DataFrame(arrivals), quality_min)


def _name(film: Filmed) -> str:
    return f"{film.kind}-{film.seed}"


def _arrival_ms(film: Filmed) -> int:
    return film.seed + (0 if film.kind == "honest" else attacks.DAY_MS)


def _evidence(uploads: Sequence[Upload]) -> Evidence:
    sessions = _session_rows([(u.session_id, u.wallet, u.scenario_id, u.completed_ms) for u in uploads])
    frames = pl.concat([upload.frames for upload in uploads])
    verdicts = VERDICTS.empty()
    limits = load_price_policy().fraud
    return gather(sessions=sessions, frames=frames, signals=SIGNALS.empty(), verdicts=verdicts, limits=limits)


def _session_rows(rows: Sequence[tuple[str, str, str, int]]) -> pl.DataFrame:
    schema = {
        "session_id": pl.String,
        "wallet": pl.String,
        "scenario_id": pl.String,
        "completed_ms": pl.Int64,
    }
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _issued(uploads: Sequence[Upload]) -> pl.DataFrame:
    rows = [(u.session_id, u.issued_to, u.address, u.completed_ms) for u in uploads if u.address is not None]
    return pl.DataFrame(rows, schema=ISSUED, orient="row")
