"""Makes a release: which segments, in which split, without repeats, under one content hash.

The split is by player: nobody drives in both train and val. Where one player gave everything it is by
session, and the release says so. Which side a player falls on depends on the wallet alone, so that
the next release tests on the same people; the largest share of `val` that stays under the wanted one
is taken, and at least one player.

Errors: `ReleaseRefusedError(ValueError)`: names the release, what is missing, and the mend.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from scalediff_assets.model_schemas import RELEASE_SEGMENTS
from scalediff_contract.driving import COMMANDS
from scalediff_contract.releases import ReleasedSegment, ReleaseManifest, SplitName

MIN_SESSIONS = 2


class ReleaseRefusedError(ValueError):
    """A release that cannot be made."""

    def __init__(self, name: str, problem: str, mend: str) -> None:
        self.name = name
        super().__init__(f"release {name}: {problem}; {mend}")


@dataclass(frozen=True, kw_only=True)
class ReleaseOptions:
    """What goes into a release.

    Attributes:
        name: Its name.
        days: Days of arrival.
        policy: Only segments that this quality policy passed: the start of its hash; empty: any.
        align_methods: Only segments aligned so; empty: any.
        min_score: Least quality score.
        val_share: Most of the segments that may go to `val`.
    """

    name: str
    days: tuple[str, ...]
    policy: str = ""
    align_methods: tuple[str, ...] = ()
    min_score: float = 0.0
    val_share: float = 0.15


def make_release(
    index: pl.DataFrame, repeats: dict[str, str], options: ReleaseOptions
) -> tuple[ReleaseManifest, pl.DataFrame]:
    """Choose, split and hash.

    Args:
        index: DATASET_INDEX of the days, with the column `day`.
        repeats: Segment -> the earlier segment of which its pictures are a near-duplicate.
        options: What is wanted.

    Returns:
        The manifest, and RELEASE_SEGMENTS.

    Raises:
        ReleaseRefusedError: Nothing passes, one session only, or a command that nobody drives.
    """
    chosen = _chosen(index, options)
    chosen, dropped = _without_repeats(chosen, repeats)
    _check(chosen, options)
    split_by, splits = split_players(chosen, options.val_share)
    owner = "wallet" if split_by == "player" else "session_id"
    table = RELEASE_SEGMENTS.conform(
        chosen.with_columns(
            pl.col(owner).replace_strict(splits, return_dtype=pl.String).alias("split"),
            pl.lit(options.name).alias("release"),
        ).sort("segment_id")
    )
    _check_splits(table, options)
    manifest = ReleaseManifest(
        name=options.name,
        content_hash=release_hash(table),
        days=tuple(sorted(options.days)),
        policy_hashes=tuple(table["policy_hash"].unique().sort().to_list()),
        split_by=split_by,
        val_share=options.val_share,
        segments=tuple(
            ReleasedSegment(**{name: row[name] for name in ReleasedSegment.model_fields})
            for row in table.iter_rows(named=True)
        ),
        near_duplicates=dropped,
        frames_by_command={name: int(table[f"frames_{name}"].sum()) for name in COMMANDS},
    )
    return manifest, table


def release_hash(table: pl.DataFrame) -> str:
    """sha256 over the sorted `segment_id content_sha256 policy_hash split` lines."""
    lines = sorted(table.select("segment_id", "content_sha256", "policy_hash", "split").iter_rows())
    return hashlib.sha256("".join(f"{' '.join(line)}\n" for line in lines).encode()).hexdigest()


def split_players(
    index: pl.DataFrame, val_share: float
) -> tuple[Literal["player", "session"], dict[str, SplitName]]:
    """The side of each player, or of each session where one player gave everything.

    Args:
        index: Segments with `wallet` and `session_id`.
        val_share: Most of the segments that may go to `val`; one owner goes there in any case.

    Returns:
        `player` or `session`, and owner -> split.
    """
    by_player = index["wallet"].n_unique() > 1
    column = "wallet" if by_player else "session_id"
    sizes = dict(index.group_by(column).len().iter_rows())
    room = val_share * index.height
    ranked = sorted(sizes, key=lambda owner: hashlib.sha256(f"split:{owner}".encode()).digest())
    held: list[str] = []
    for owner in ranked[:-1]:
        if sum(sizes[each] for each in held) + sizes[owner] <= room:
            held.append(owner)
    # Everybody is larger than the share: the smallest one it is.
    held = held or [min(ranked, key=lambda owner: (sizes[owner], owner))]
    sides: dict[str, SplitName] = {owner: "val" if owner in held else "train" for owner in ranked}
    return "player" if by_player else "session", sides


def leaks(table: pl.DataFrame, split_by: str) -> list[str]:
    """Sessions, and players where the split is by player, that are on both sides."""
    columns = ["session_id", "wallet"] if split_by == "player" else ["session_id"]
    found = []
    for column in columns:
        both = table.group_by(column).agg(pl.col("split").n_unique().alias("n")).filter(pl.col("n") > 1)
        found += [f"{column} {owner}" for owner in both[column].sort().to_list()]
    return found


def _chosen(index: pl.DataFrame, options: ReleaseOptions) -> pl.DataFrame:
    """The rows that every filter keeps.

    Raises:
        ReleaseRefusedError: Naming the filter after which nothing is left, and what there is.
    """
    rows = index
    filters = (
        ("days", ", ".join(options.days), None, pl.lit(value=True)),
        ("min_score", f"{options.min_score:g}", "score", pl.col("score") >= options.min_score),
        ("policy", options.policy, "policy_hash", pl.col("policy_hash").str.starts_with(options.policy)),
        (
            "align",
            ", ".join(options.align_methods),
            "align_method",
            pl.col("align_method").is_in(list(options.align_methods) or index["align_method"].unique()),
        ),
    )
    for name, value, column, keeps in filters:
        before, rows = rows, rows.filter(keeps)
        if not rows.height:
            there = (
                ", ".join(map(str, before[column].unique().sort()[:5])) if column and before.height else ""
            )
            problem = f"no segment passes {name} {value}" + (f" (there are {there})" if there else "")
            raise ReleaseRefusedError(options.name, problem, "run `scalediff sessions`, or widen the filter")
    return rows


def _without_repeats(index: pl.DataFrame, repeats: dict[str, str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Without near-duplicates whose original is released, and without equal content."""
    present = set(index["segment_id"])
    dropped = {segment: first for segment, first in repeats.items() if {segment, first} <= present}
    seen: dict[str, str] = {}
    for segment, content in index.sort("segment_id").select("segment_id", "content_sha256").iter_rows():
        if segment not in dropped and seen.setdefault(content, segment) != segment:
            dropped[segment] = seen[content]
    return index.filter(~pl.col("segment_id").is_in(list(dropped))), dict(sorted(dropped.items()))


def _check(chosen: pl.DataFrame, options: ReleaseOptions) -> None:
    name = options.name
    sessions = chosen["session_id"].n_unique()
    if sessions < MIN_SESSIONS:
        problem = f"it has {sessions} session (minimum {MIN_SESSIONS}: one to learn from, one to test on)"
        raise ReleaseRefusedError(name, problem, "add days")
    for command in COMMANDS:
        if not chosen[f"frames_{command}"].sum():
            problem = f"no frame has command {command}, so its branch could not be trained"
            raise ReleaseRefusedError(name, problem, "add days in which it is driven")


def _check_splits(table: pl.DataFrame, options: ReleaseOptions) -> None:
    train = table.filter(pl.col("split") == "train")
    for command in COMMANDS:
        if not train[f"frames_{command}"].sum():
            problem = f"no frame of its train split has command {command}"
            raise ReleaseRefusedError(options.name, problem, "add days, or lower --val-share")


def diff(before: ReleaseManifest, after: ReleaseManifest) -> "ReleaseDiff":
    """What changed from one release to another."""
    old = {segment.segment_id: segment for segment in before.segments}
    new = {segment.segment_id: segment for segment in after.segments}
    shared = sorted(set(old) & set(new))
    return ReleaseDiff(
        before=before.name,
        after=after.name,
        added=tuple(sorted(set(new) - set(old))),
        removed=tuple(sorted(set(old) - set(new))),
        changed=tuple(s for s in shared if old[s].content_sha256 != new[s].content_sha256),
        moved=tuple(s for s in shared if old[s].split != new[s].split),
        shared=len(shared),
        frames=(sum(s.rows for s in before.segments), sum(s.rows for s in after.segments)),
        frames_by_command={
            name: (before.frames_by_command.get(name, 0), after.frames_by_command.get(name, 0))
            for name in COMMANDS
        },
    )


@dataclass(frozen=True, kw_only=True)
class ReleaseDiff:
    """What changed from `before` to `after`; segments by id.

    Attributes:
        before: Name.
        after: Name.
        added: Only in `after`.
        removed: Only in `before`.
        changed: In both, with other content.
        moved: In both, on another side of the split.
        shared: How many are in both.
        frames: Frames before and after.
        frames_by_command: Likewise.
    """

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    moved: tuple[str, ...]
    shared: int
    frames: tuple[int, int]
    frames_by_command: dict[str, tuple[int, int]]


def sequence_of_days(days: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The days that `--days` names: `2026-01-01`, `2026-01-01..2026-01-07`, or `all`.

    Raises:
        ReleaseRefusedError: For a day that was never packed.
    """
    chosen: set[str] = set()
    for part in days:
        first, _, last = part.partition("..")
        inside = [day for day in known if part == "all" or first <= day <= (last or first)]
        if not inside:
            there = ", ".join(known) or "none"
            raise ReleaseRefusedError("days", f"no packed day is {part}", f"packed are {there}")
        chosen.update(inside)
    return tuple(sorted(chosen))
