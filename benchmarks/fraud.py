"""How many honest simulated drivers each fraud rule hits, and how many attacks of each kind it stops.

    python -m benchmarks.fraud [--json] [--quick] [--drives N] [--films N] [--keep FOLDER] [--picture FILE]

Honest drives and scripted ones are driven anew in minitown without pictures; films are recorded, encoded,
aligned and decoded as the product does it. Evidence and verdicts are the product's own. `--keep` stores
drives and films in a folder and takes them from there the next time, so that other limits are measured
quickly. Intervals are Wilson's at 95 %.
"""

import argparse
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.fraud_drives import drive_all, honest_specs, scripted_specs
from benchmarks.fraud_judging import fraud_report
from benchmarks.fraud_pictures import film_all
from benchmarks.fraud_report import FraudReport, draw
from benchmarks.measure import report

DRIVES, SCRIPTED, FILMS, DOCTORED = 800, 120, 800, 120
# The limits were chosen on other seeds: under 60,000, from 500,001 to 600,801 and from 900,001 to 980,000.
HONEST_SEED, SCRIPT_SEED, FILM_SEED = 60_001, 990_001, 700_001
QUICK_DRIVES, QUICK_SCRIPTED, QUICK_FILMS, QUICK_S = 8, 4, 1, 12.0
Made = TypeVar("Made")


def measure(
    drives: int, scripts: int, films: int, *, duration_s: float, workers: int, keep: Path | None
) -> FraudReport:
    """Make the population and judge it."""
    honest = honest_specs(drives, duration_s=duration_s, first_seed=HONEST_SEED)
    script = scripted_specs(scripts, duration_s=duration_s, first_seed=SCRIPT_SEED)
    ticks = _kept(
        keep,
        f"drives-{drives}-{scripts}-{duration_s:g}",
        lambda: drive_all([*honest, *script], workers=workers),
    )
    filmed = _kept(
        keep,
        f"films-{films}",
        lambda: film_all(
            films,
            doctored=min(films, DOCTORED),
            workers=workers,
            duration_s=min(20.0, duration_s),
            first_seed=FILM_SEED,
        ),
    )
    pairs = list(zip([*honest, *script], ticks, strict=True))
    return fraud_report(pairs[:drives], pairs[drives:], filmed)


def _kept(folder: Path | None, name: str, make: Callable[[], Made]) -> Made:
    """What a run before has made, or make it."""
    path = None if folder is None else folder / f"{name}.pickle"
    if path is not None and path.exists():
        made: Made = pickle.loads(path.read_bytes())
        return made
    made = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(made))
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="What the fraud rules hit and what they stop.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", "--smoke", action="store_true", help="a dozen drives, one film")
    parser.add_argument("--drives", type=int, default=DRIVES, help="honest drives")
    parser.add_argument("--films", type=int, default=FILMS, help="honest recordings with pictures")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--keep", type=Path, help="folder that keeps drives and films between runs")
    parser.add_argument("--picture", type=Path, help="write the figure to this PNG")
    args = parser.parse_args()
    if args.quick:
        sizes, duration_s = (QUICK_DRIVES, QUICK_SCRIPTED, QUICK_FILMS), QUICK_S
    else:
        sizes, duration_s = (args.drives, SCRIPTED, args.films), 30.0
    found = measure(*sizes, duration_s=duration_s, workers=args.workers, keep=args.keep)
    if args.picture:
        args.picture.write_bytes(draw(found))
    figures: dict[str, Any] = found.figures()
    if not args.json:
        print(found.markdown())
    report("fraud", figures, as_json=args.json)


if __name__ == "__main__":
    main()
