"""Training's speed: the loader and the step beside the reference's, ratios of one interleaved run.

    python -m benchmarks.driving [--json] [--quick]

The reference (carla_garage/cilrs_train.py) reads JPEG files with PIL, normalises on the CPU in 2 worker
processes, and steps a ResNet-18 at 256x256 in fp32 with branches in a masked loop. Its loader and its
model are written anew here to be measured; neither is used anywhere else. On a CPU without bfloat16
instructions ours computes in fp32, too. With a GPU, the step is measured on it.
"""

import argparse
import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.measure import interleaved, report
from gpu_services.driving.augment import MEAN, STD, normalise
from gpu_services.driving.batches import Batches, Gatherer
from gpu_services.driving.frames import FrameStore, decode_frames
from gpu_services.driving.labels import Labels
from gpu_services.driving.learner import Learner
from gpu_services.driving.resnet import ResNet
from gpu_services.driving.sampler import Sampler
from gpu_services.runtime import Runtime, start_runtime
from scalediff_contract.driving import PRESETS, Camera
from world.minitown.routes import load_route_set
from world.minitown.simulator import Simulator
from world.minitown.town import load_town

SIDE = 256
BATCH = 32


class ReferenceFiles(Dataset[dict[str, Tensor]]):
    """The reference's dataset: a JPEG file per sample, opened and normalised one by one."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        image = Image.open(self._files[place]).convert("RGB").resize((SIDE, SIDE))
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
        return {
            "image": (tensor - mean) / std,
            "speed": torch.tensor([0.2]),
            "command": torch.tensor(3),
            "label": torch.zeros(3),
        }


class ReferenceModel(nn.Module):
    """The reference's network and its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet("resnet18")
        self.speed_embed = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64))
        self.fusion = nn.Sequential(nn.Linear(576, 512), nn.ReLU(), nn.Dropout(0.2))
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Linear(512, 256),
                nn.ReLU(),
                nn.Dropout(0.2),
                nn.Linear(256, 128),
                nn.ReLU(),
                nn.Linear(128, 3),
            )
            for _ in range(4)
        )

    def forward(self, image: Tensor, speed: Tensor, command: Tensor) -> Tensor:
        """Controls `(B, 3)`."""
        fused = self.fusion(torch.cat([self.encoder(image), self.speed_embed(speed)], 1))
        outputs = torch.zeros(len(image), 3, device=image.device)
        for number, branch in enumerate(self.branches):
            mask = command == number
            if mask.any():
                outputs[mask] = branch(fused[mask])
        return outputs


def pictures(count: int) -> list[bytes]:
    """JPEGs of a drive through minitown, 256x256."""
    town = load_town(None)
    sim = Simulator(town, load_route_set("minitown-12").routes[0], vehicles=0, pedestrians=0)
    renderer = town.renderer(width_px=320, height_px=180)
    from world.camera.views import CameraPose

    made = []
    for place in np.linspace(0, len(sim.plan.points_m) - 1, count).astype(int):
        (x_m, y_m), yaw = sim.plan.points_m[place], float(sim.plan.yaw_rad[place])
        rgb = renderer.render(CameraPose(x_m=float(x_m), y_m=float(y_m), yaw_rad=yaw))
        small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        made.append(cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    return made


def frame_store(jpegs: list[bytes], folder: Path) -> FrameStore:
    """The same frames decoded in a memory map."""
    frames = np.memmap(folder / "frames", np.uint8, "w+", shape=(len(jpegs), SIDE, SIDE, 3))
    for place, jpeg in enumerate(jpegs):
        decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
        frames[place] = np.asarray(decoded, np.uint8)
    frames.flush()
    rng = np.random.default_rng(0)
    columns = {name: rng.random(len(jpegs), np.float32) for name in Labels.__dataclass_fields__}
    index = pl.DataFrame({"command": rng.integers(1, 5, len(jpegs)).astype(np.int8), **columns})
    return FrameStore(frames=np.memmap(folder / "frames", np.uint8, "c", shape=frames.shape), index=index)


def _drain(batches: Any) -> None:
    for _ in batches:
        pass


def decode_shard(content: bytes, out: npt.NDArray[np.uint8], pool: ThreadPoolExecutor) -> None:
    """All frames of a JPEG shard, as a frame cache is filled."""
    shard = pl.read_parquet(io.BytesIO(content))
    decode_frames(shard["jpeg"], out, PRESETS["seed_compat"].architecture, pool)


def loaders(
    jpegs: list[bytes], store: FrameStore, runtime: Runtime, folder: Path, rounds: int
) -> dict[str, float]:
    """Frames per second of the three ways to a batch, and their ratios."""
    files = [folder / f"{place:05d}.jpg" for place in range(len(jpegs))]
    for file, jpeg in zip(files, jpegs, strict=True):
        file.write_bytes(jpeg)
    buffer = io.BytesIO()
    pl.DataFrame({"jpeg": jpegs}).write_parquet(buffer)
    reference = DataLoader(ReferenceFiles(files), BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    _drain(reference)  # the workers' start is not counted
    recipe = PRESETS["seed_compat"].recipe
    sampler, gather = Sampler(store.index, np.arange(len(jpegs)), recipe), Gatherer(store, runtime)
    repeats = 8
    steps = repeats * len(jpegs) // BATCH
    memmap: Callable[[], Batches] = partial(
        Batches, gather, sampler, runtime, batch=BATCH, first=0, end=steps
    )
    out = np.empty((len(jpegs), SIDE, SIDE, 3), np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        spent = interleaved(
            {
                "reference": lambda: _drain(reference),
                "shards": lambda: decode_shard(buffer.getvalue(), out, pool),
                "memmap": lambda: _drain(memmap()),
            },
            rounds=rounds,
            clock=time.perf_counter,
        )
    rate = {
        "reference": len(jpegs) / spent["reference"],
        "shards": len(jpegs) / spent["shards"],
        "memmap": steps * BATCH / spent["memmap"],
    }
    return {
        "memmap_over_reference_loader": rate["memmap"] / rate["reference"],
        "jpeg_shards_over_reference_loader": rate["shards"] / rate["reference"],
        **{f"{name}_frames_per_s": value for name, value in rate.items()},
    }


def steps(store: FrameStore, runtime: Runtime, rounds: int) -> dict[str, float]:
    """A step of ours and of the reference's, same network and batch; and ours with the loader attached."""
    preset = PRESETS["seed_compat"]
    learner = Learner(preset.architecture, preset.recipe, Camera(), runtime)
    gather = Gatherer(store, runtime)
    sampler = Sampler(store.index, np.arange(len(store.index)), preset.recipe)
    batch = gather(sampler.batch(0, BATCH))
    reference = ReferenceModel().to(runtime.device)
    optimiser = torch.optim.AdamW(reference.parameters(), lr=1e-4)
    image = normalise(batch.picture).contiguous()

    def reference_step() -> None:
        optimiser.zero_grad()
        said = reference(image, batch.speed_mps[:, None], batch.command)
        loss = nn.functional.mse_loss(said, batch.controls)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss.item()

    def our_step() -> None:
        learner.step(0, batch)["loss"].item()

    count = 4
    end_to_end = Batches(gather, sampler, runtime, batch=BATCH, first=0, end=count)

    def with_loader() -> None:
        for number, real in end_to_end:
            learner.step(number, real)["loss"].item()

    for warm in (reference_step, our_step):
        warm()
    spent = interleaved(
        {"reference": reference_step, "ours": our_step, "with_loader": with_loader},
        rounds=rounds,
        clock=time.perf_counter,
    )
    return {
        "reference_over_our_step": spent["reference"] / spent["ours"],
        "end_to_end_over_step_alone": spent["ours"] * count / spent["with_loader"],
        "data_wait_share": end_to_end.waited_s / (spent["with_loader"] * rounds),
        "reference_samples_per_s": BATCH / spent["reference"],
        "samples_per_s": BATCH / spent["ours"],
        "samples_per_s_with_loader": BATCH * count / spent["with_loader"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds")
    arguments = parser.parse_args()
    count, rounds = (64, 1) if arguments.quick else (320, 5)
    runtime = start_runtime("auto")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        jpegs = pictures(count)
        store = frame_store(jpegs, folder)
        figures: dict[str, Any] = {
            "device": runtime.name,
            "bf16": runtime.bf16,
            **loaders(jpegs, store, runtime, folder, rounds),
            **steps(store, runtime, rounds),
            "frames_sha256": hashlib.sha256(b"".join(jpegs)).hexdigest()[:16],
        }
    report("Driving: training's loader and step beside the reference's", figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
