"""What the single pass over a session costs, beside pure decoding and beside the reference's way.

    python -m benchmarks.session_processing [--json] [--quick]

All ratios are of CPU time (children included) in one interleaved run, except two_workers_over_one
(throughput) and worker_peak_mb. The reference arrangement is the one that facts describe: pictures
by ffmpeg, then a cleaning pass over full-size BGR, then re-encoded cuts.
"""

import argparse
import multiprocessing
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import polars as pl

from benchmarks.clips import frames_of, generated_clip
from benchmarks.measure import Work, interleaved, report
from scalediff_assets.segments.decode import DecodeOptions
from scalediff_assets.segments.process import process_video

REAL_CLIP = Path(__file__).parents[2] / "shared" / "real_sessions"
_CUT_S = 5
_HAS_FFMPEG = shutil.which("ffmpeg") is not None


def decode_only(path: Path) -> None:
    """Pure PyAV decode on one thread."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def single_pass(path: Path, frames: pl.DataFrame, export_hz: float) -> None:
    """Our pass: decode, signals, JPEGs, cuts, shard."""
    options = DecodeOptions(export_hz=export_hz)
    made = process_video(path, session_id="session_0000000000000_bench", frames=frames, options=options)
    if made.decoding["frames"] != frames.height:
        raise RuntimeError(f"{path}: {made.decoding['detail']}")


def reference(path: Path, *, copy: bool) -> None:
    """Extraction of pictures, naive cleaning, cuts re-encoded or stream-copied."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _extract(path, folder)
        _clean(path)
        _cut_copies(path, folder) if copy else _cut_encodes(path, folder)


def _extract(path: Path, folder: Path) -> None:
    """By the ffmpeg program as the reference does; without one by PyAV and OpenCV."""
    if _HAS_FFMPEG:
        subprocess.run(
            ["ffmpeg", "-v", "error", "-threads", "1", "-i", path, "-vf", "scale=256:256", "-q:v", "2",
             f"{folder}/%05d.jpg"],
            check=True,
        )  # fmt: skip
        return
    with av.open(path) as container:
        for number, frame in enumerate(container.decode(video=0)):
            small = cv2.resize(frame.to_ndarray(format="bgr24"), (256, 256), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(f"{folder}/{number:05d}.jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 95])


def _clean(path: Path) -> None:
    with av.open(path) as container:
        for frame in container.decode(video=0):
            bgr = frame.to_ndarray(format="bgr24")
            gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
            cv2.Laplacian(gray, cv2.CV_64F).var()
            cv2.calcHist([gray], [0], None, [64], [0, 256])


def _cut_copies(path: Path, folder: Path) -> None:
    """A stream copy can be cut only at key frames."""
    with av.open(path) as source, ExitStack() as files:
        out: av.container.OutputContainer | None = None
        target: av.VideoStream | None = None
        start_s = 0.0
        for packet in source.demux(source.streams.video[0]):
            if not packet.size:
                continue
            at_s = float((packet.pts or 0) * (packet.time_base or 0))
            if out is None or target is None or (packet.is_keyframe and at_s - start_s >= _CUT_S):
                out = files.enter_context(av.open(folder / f"{at_s:07.3f}.webm", mode="w"))
                target, start_s = out.add_stream_from_template(source.streams.video[0]), at_s
            packet.stream = target
            out.mux(packet)


def _cut_encodes(path: Path, folder: Path) -> None:
    with av.open(path) as container:
        frames = container.decode(video=0)
        cut: list[av.VideoFrame] = []
        for frame in frames:
            cut.append(frame)
            if (frame.time or 0) - (cut[0].time or 0) >= _CUT_S:
                _encode(cut, folder / "cut.webm")
                cut = []
        if cut:
            _encode(cut, folder / "cut.webm")


def _encode(frames: Iterable[av.VideoFrame], path: Path) -> None:
    with av.open(path, mode="w") as out:
        stream = out.add_stream("libvpx", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.codec_context.options = {"deadline": "realtime", "cpu-used": "8", "threads": "1"}
        stream.codec_context.time_base = Fraction(1, 1000)
        for frame in frames:
            frame.pict_type = 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _one_session(path: Path) -> float:
    """Process one session; returns the peak memory of this process in MB."""
    single_pass(path, frames_of(path), 10.0)
    # VmHWM, not ru_maxrss: the latter is handed down from the parent across exec.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def workers(path: Path, *, rounds: int) -> tuple[float, float]:
    """Throughput of two processes over one, and the peak memory of a fresh worker in MB."""
    context = multiprocessing.get_context("spawn")
    walls = []
    peak_mb = 0.0
    for count in (1, 2) * rounds:
        with context.Pool(count) as pool:
            pool.map(_one_session, [generated_clip(2)] * count, chunksize=1)
            started = time.perf_counter()
            peak_mb = max(peak_mb, *pool.map(_one_session, [path] * count, chunksize=1))
            walls.append((time.perf_counter() - started) / count)
    one, two = np.median(walls[0::2]), np.median(walls[1::2])
    return float(one / two), peak_mb


def measure(*, quick: bool) -> dict[str, Any]:
    """All figures."""
    path = generated_clip(3 if quick else 60)
    figures = _ratios(path, rounds=1 if quick else 5, with_reference=True)
    figures["reference_extraction"] = "ffmpeg" if _HAS_FFMPEG else "PyAV and OpenCV"
    figures["two_workers_over_one"], figures["worker_peak_mb"] = workers(path, rounds=1 if quick else 3)
    for real in sorted(REAL_CLIP.glob("*tp5owb.webm")):
        ratios = _ratios(real, rounds=1 if quick else 15, with_reference=False)
        figures |= {f"{name}_real": ratios[name] for name in ratios if name.startswith("single_pass")}
    return figures


def _ratios(path: Path, *, rounds: int, with_reference: bool) -> dict[str, Any]:
    frames = frames_of(path)
    work: dict[str, Work] = {
        "decode": lambda: decode_only(path),
        "10hz": lambda: single_pass(path, frames, 10.0),
        "30hz": lambda: single_pass(path, frames, 30.0),
    }
    if with_reference:
        work["reference"] = lambda: reference(path, copy=False)
        work["reference_copy"] = lambda: reference(path, copy=True)
    for run in (work["decode"], work["10hz"]):
        run()
    seconds = interleaved(work, rounds=rounds)
    figures: dict[str, Any] = {
        "single_pass_10hz_over_decode": seconds["10hz"] / seconds["decode"],
        "single_pass_30hz_over_decode": seconds["30hz"] / seconds["decode"],
    }
    if with_reference:
        figures["reference_over_single_pass"] = seconds["reference"] / seconds["10hz"]
        figures["reference_copy_over_single_pass"] = seconds["reference_copy"] / seconds["10hz"]
    return figures | {"decode_cpu_s": seconds["decode"], "clip_frames": frames.height, "rounds": rounds}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="a 3 s clip and one round")
    arguments = parser.parse_args()
    report("session processing", measure(quick=arguments.quick), as_json=arguments.json)


if __name__ == "__main__":
    main()
