"""Ten minutes of players on a bad network: ids that agree on every picture, and memory that stays flat.

    python -m benchmarks.soak [--minutes 10] [--players 2] [--loss 0.03] [--quick] [--json]

The players connect through relays that lose and delay packets (`impaired_path.py`). Each painted picture is
checked three ways: its stamp, the number in its pixels, its row of the data channel. Exit status 1 when one
disagrees.
"""

import argparse
import asyncio
import sys
import time
from typing import Any

import psutil

from benchmarks.impaired_path import ImpairedPath, Impairment
from benchmarks.loopback import service
from benchmarks.measure import report
from gpu_services.streaming.client import SourceTrack, StreamClient

_SIZE = (320, 184)
_SAMPLES = 20


async def play(url: str, impairment: Impairment, *, seconds: float) -> dict[str, int]:
    """One player; counts."""
    source = SourceTrack(width_px=_SIZE[0], height_px=_SIZE[1], fps=24)
    async with (
        ImpairedPath(impairment) as path,
        StreamClient(
            url=url, source=source, edit_offer=path.edit_offer, edit_answer=path.edit_answer
        ) as client,
    ):
        await asyncio.sleep(seconds)
        await client.settle()
        return {
            "sent": len(source.sent_s),
            "received": len(client.received),
            "rows": len(client.rows),
            "disagreeing": len(client.disagreeing()),
            "packets": path.carried,
            "packets_lost": path.lost,
        }


async def memory_of(process: psutil.Process, *, seconds: float) -> list[int]:
    """Resident bytes of the service, sampled evenly."""
    found = []
    for _ in range(_SAMPLES):
        await asyncio.sleep(seconds / _SAMPLES)
        found.append(int(process.memory_info().rss))
    return found


async def soak(url: str, *, players: int, seconds: float, loss: float) -> dict[str, Any]:
    """All players at once, and the service's memory beside them."""
    child = next(
        child for child in psutil.Process().children() if "gpu_services.streaming" in child.cmdline()
    )
    games = [
        play(url, Impairment(loss=loss, delay_ms=(5, 30), seed=seed), seconds=seconds)
        for seed in range(players)
    ]
    sampling = asyncio.create_task(memory_of(child, seconds=seconds))
    counts = await asyncio.gather(*games)
    memory = await sampling
    total = {name: sum(count[name] for count in counts) for name in counts[0]}
    settled = memory[len(memory) // 4]
    return {**total, "memory_mb": memory[-1] / 1e6, "memory_growth": memory[-1] / settled - 1}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Ids under loss and delay, for long.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", "--smoke", action="store_true", help="four seconds")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--players", type=int, default=2, help="at once (default 2)")
    parser.add_argument("--loss", type=float, default=0.03, help="share of packets lost (default 0.03)")
    arguments = parser.parse_args()
    seconds = 4.0 if arguments.quick else arguments.minutes * 60
    started = time.monotonic()
    with service("--session-s", str(seconds + 60), "--size", f"{_SIZE[0]}x{_SIZE[1]}", "--no-auth") as url:
        figures = asyncio.run(soak(url, players=arguments.players, seconds=seconds, loss=arguments.loss))
    figures |= {"agreement": 1 - figures["disagreeing"] / max(1, figures["received"])}
    figures |= {"loss": arguments.loss, "players": arguments.players, "wall_s": time.monotonic() - started}
    report("soak", figures, as_json=arguments.json)
    if figures["disagreeing"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
