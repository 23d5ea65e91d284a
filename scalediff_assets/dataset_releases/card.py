"""The dataset card: what a release holds, for people, as Markdown and as one HTML page with its plots."""

import base64
import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from scalediff_assets.charts import figure, png
from scalediff_contract.driving import COMMANDS
from scalediff_contract.releases import ReleaseManifest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _ORANGE = "#4c78a8", "#f58518"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:860px;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ddd;padding:.25rem .6rem;"
    "text-align:left}th{background:#f4f4f4}img{max-width:100%}code{background:#f4f4f4}"
)


def facts(manifest: ReleaseManifest, table: pl.DataFrame) -> list[tuple[str, str]]:
    """What the card says first, as names and values."""
    train, val = (table.filter(pl.col("split") == split) for split in ("train", "val"))
    owners = "players" if manifest.split_by == "player" else "sessions (one player gave everything)"
    return [
        ("content hash", manifest.content_hash),
        ("days", ", ".join(manifest.days)),
        ("frames", f"{int(table['rows'].sum()):,}"),
        ("driven", f"{float(table['duration_ms'].sum()) / 3.6e6:.2f} h"),
        ("segments", f"{table.height:,}: {train.height:,} train, {val.height:,} val"),
        ("sessions", f"{table['session_id'].n_unique():,}"),
        ("players", f"{table['wallet'].n_unique():,}"),
        (
            "split by",
            f"{owners}; val asked for {manifest.val_share:.0%}, got {val.height / table.height:.0%}",
        ),
        ("near-duplicates left out", f"{len(manifest.near_duplicates):,}"),
        ("quality policies", ", ".join(each[:16] for each in manifest.policy_hashes)),
    ]


def count_tables(table: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Counts by command, scenario, alignment and player."""
    frames = pl.col("rows").sum().alias("frames")
    yield (
        "Frames by command",
        pl.DataFrame(
            {
                "command": list(COMMANDS),
                **{
                    split: [int(part[f"frames_{name}"].sum()) for name in COMMANDS]
                    for split, part in ((s, table.filter(pl.col("split") == s)) for s in ("train", "val"))
                },
            }
        ),
    )
    sessions = pl.col("session_id").n_unique().alias("sessions")
    for title, column in (
        ("By scenario", "scenario"),
        ("By alignment", "align_method"),
        ("By player", "wallet"),
    ):
        if column in table.columns:
            grouped = table.group_by(column).agg(sessions, pl.len().alias("segments"), frames)
            yield title, grouped.sort("frames", column, descending=[True, False])


def markdown(manifest: ReleaseManifest, table: pl.DataFrame) -> str:
    """The card as Markdown."""
    lines = [f"# Dataset release `{manifest.name}`", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts(manifest, table)]
    for title, counts in count_tables(table):
        lines += ["", f"## {title}", "", "| " + " | ".join(counts.columns) + " |"]
        lines.append("|" + "---|" * counts.width)
        lines += ["| " + " | ".join(map(str, row)) + " |" for row in counts.iter_rows()]
    lines += ["", "## What it is not", "", *(f"- {line}" for line in _limits(table))]
    return "\n".join(lines) + "\n"


def page(manifest: ReleaseManifest, table: pl.DataFrame, thumbnails: bytes) -> str:
    """The card as one HTML page; plots and pictures are inside.

    Args:
        manifest: The release.
        table: RELEASE_SEGMENTS, with `scenario` where it is known.
        thumbnails: A contact sheet as JPEG, or nothing.
    """
    parts = [f"<h1>Dataset release <code>{html.escape(manifest.name)}</code></h1>"]
    rows = "".join(f"<tr><th>{n}</th><td>{html.escape(v)}</td></tr>" for n, v in facts(manifest, table))
    parts.append(f"<table>{rows}</table>")
    parts.append(_image(plots(table), "png", "counts of the release"))
    if thumbnails:
        parts.append(_image(thumbnails, "jpeg", "frames of the release"))
    for title, counts in count_tables(table):
        head = "".join(f"<th>{name}</th>" for name in counts.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>"
            for row in counts.iter_rows()
        )
        parts.append(f"<h2>{title}</h2><table><tr>{head}</tr>{body}</table>")
    limits = "".join(f"<li>{html.escape(line)}</li>" for line in _limits(table))
    parts.append(f"<h2>What it is not</h2><ul>{limits}</ul>")
    title = html.escape(manifest.name)
    head = f"<meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}</body></html>"


def plots(table: pl.DataFrame) -> bytes:
    """Commands, scores, segment lengths and players as one PNG."""
    drawn, (commands, scores, lengths, people) = figure(2, 2, (9, 5.2))
    _commands(commands, table)
    scores.hist(table["score"].to_numpy(), bins=30, color=_BLUE)
    scores.set_title("quality score of segments", fontsize=9)
    lengths.hist(table["duration_ms"].to_numpy() / 1000, bins=30, color=_BLUE)
    lengths.set_title("length of segments, s", fontsize=9)
    players = table.group_by("wallet", "split").agg(pl.col("rows").sum()).sort("rows", "wallet")
    colours = [_ORANGE if split == "val" else _BLUE for split in players["split"]]
    people.barh([wallet[:8] for wallet in players["wallet"]], players["rows"].to_list(), color=colours)
    people.set_title("frames by player (orange: val)", fontsize=9)
    return png(drawn)


def _commands(axis: "Axes", table: pl.DataFrame) -> None:
    left = [0] * len(COMMANDS)
    for split, colour in (("train", _BLUE), ("val", _ORANGE)):
        part = table.filter(pl.col("split") == split)
        counts = [int(part[f"frames_{name}"].sum()) for name in COMMANDS]
        axis.barh(COMMANDS, counts, left=left, color=colour, label=split)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    axis.invert_yaxis()
    axis.legend(fontsize=7)
    axis.set_title("frames by command", fontsize=9)


def _limits(table: pl.DataFrame) -> Iterator[str]:
    if table["align_method"].n_unique() > 1 or table["align_method"][0] != "frame_id":
        yield "Frames of legacy recordings are aligned by estimate; `align_uncertainty_ms` says how well."
    yield "Pedals come from a keyboard: on or off."
    yield "Players are known by wallet only; one person may hold several."


def _image(content: bytes, kind: str, alt: str) -> str:
    return f"<img alt='{alt}' src='data:image/{kind};base64,{base64.b64encode(content).decode()}'>"
