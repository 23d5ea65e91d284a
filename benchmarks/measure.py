"""Shared measuring: interleaved rounds, medians, CPU time with children, one way to report."""

import datetime as dt
import json
import platform
import resource
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Work = Callable[[], object]


def cpu_seconds() -> float:
    """CPU time of this process and of its finished children."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def interleaved(
    work: Mapping[str, Work], *, rounds: int, clock: Callable[[], float] = cpu_seconds
) -> dict[str, float]:
    """Median seconds of each piece of work; every round runs all pieces, so that drift hits all alike."""
    spent: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            started = clock()
            run()
            spent[name].append(clock() - started)
    return {name: statistics.median(values) for name, values in spent.items()}


def machine() -> str:
    """The processor and the number of cores."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
        return f"{model}, {len(names)} cores"
    return model


def report(title: str, figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the figures with machine, Python and date."""
    full = {
        **figures,
        "machine": machine(),
        "python": platform.python_version(),
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
    }
    if as_json:
        print(json.dumps(full, indent=2))
        return
    print(title)
    for name, value in full.items():
        print(f"  {name:<40} {value:.3f}" if isinstance(value, float) else f"  {name:<40} {value}")
