"""Glass to glass through the painting service on this machine: our WebRTC handling against aiortc's own.

    python -m benchmarks.loopback [--quick] [--json]

A client sends pictures that carry their number, the service (a process of its own, passthrough backend)
decodes, hides and redraws the stamp and sends them back; latency is from handing a picture to the client's
encoder to reading its number off the decoded painted picture. `stock` is the same service and client with
aiortc's jitter buffer and bit rates. The variants take turns (ours, stock, stock, ours, ...); the figures are
medians over the rounds.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import report
from gpu_services.streaming.client import SourceTrack, StreamClient
from gpu_services.streaming.service.bitrates import set_bitrates
from gpu_services.streaming.service.settings import Transport

STOCK = ("--stock-jitter", "--start-mbps", "0.5", "--max-mbps", "1.5")
STOCK_RATES = Transport(start_bps=500_000, max_bps=1_500_000)


@dataclass(frozen=True, kw_only=True)
class Round:
    """One stream's latencies, ms, and how many pictures came."""

    median_ms: float
    p95_ms: float
    pictures: int


@contextmanager
def service(*options: str, backend: str = "passthrough") -> Iterator[str]:
    """The service in a process of its own; its WebSocket."""
    command = [sys.executable, "-m", "gpu_services.streaming", "--backend", backend, "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"{' '.join(command)} ended at once; run it to see why")
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate()


async def stream(url: str, *, low_latency: bool, size: tuple[int, int], fps: float, seconds: float) -> Round:
    """Play for a while; the beginning, two seconds at most, only warms up."""
    source = SourceTrack(width_px=size[0], height_px=size[1], fps=fps)
    async with StreamClient(url=url, source=source, low_latency=low_latency) as client:
        await client.wait_for(1)
        await asyncio.sleep(min(2.0, seconds))
        skipped = len(client.received)
        await asyncio.sleep(seconds)
        spent = [picture.latency_s for picture in client.received[skipped:]]
    known_ms = sorted(latency_s * 1000 for latency_s in spent if latency_s is not None)
    return Round(
        median_ms=statistics.median(known_ms),
        p95_ms=known_ms[int(0.95 * (len(known_ms) - 1))],
        pictures=len(known_ms),
    )


def one(variant: str, *, size: tuple[int, int], fps: float, seconds: float) -> Round:
    """One round of a variant."""
    is_stock = variant == "stock"
    set_bitrates(STOCK_RATES if is_stock else Transport())
    options = [*(STOCK if is_stock else ()), "--size", f"{size[0]}x{size[1]}"]
    backend = "stylize" if variant == "stylize" else "passthrough"
    with service(*options, backend=backend) as url:
        return asyncio.run(stream(url, low_latency=not is_stock, size=size, fps=fps, seconds=seconds))


def measure(
    variants: Sequence[str], *, size: tuple[int, int], fps: float, seconds: float, rounds: int
) -> dict[str, Any]:
    """All figures."""
    found: dict[str, list[Round]] = {variant: [] for variant in variants}
    for number in range(rounds):
        for variant in variants if number % 2 == 0 else reversed(variants):
            found[variant].append(one(variant, size=size, fps=fps, seconds=seconds))

    def median(variant: str, name: str) -> float:
        return float(statistics.median(getattr(done, name) for done in found[variant]))

    return {
        "stock_to_ours": median("stock", "median_ms") / median("ours", "median_ms"),
        **{f"{variant}_median_ms": median(variant, "median_ms") for variant in found},
        **{f"{variant}_p95_ms": median(variant, "p95_ms") for variant in found},
        **{f"{variant}_pictures": median(variant, "pictures") for variant in found},
        "size": f"{size[0]}x{size[1]}",
        "fps": fps,
        "seconds": seconds,
        "rounds": rounds,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Latency through the painting service and back.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", "--smoke", action="store_true", help="one short round of small pictures")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all variants (default 5)")
    arguments = parser.parse_args()
    if arguments.quick:
        figures = measure(("ours", "stock"), size=(320, 184), fps=24, seconds=1.0, rounds=1)
    else:
        variants = ("ours", "stock", "stylize")
        figures = measure(variants, size=(832, 480), fps=24, seconds=5.0, rounds=arguments.rounds)
    report("loopback", figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
