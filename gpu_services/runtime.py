"""The machine a job runs on: device, precision, threads, processes, and what a seed fixes."""

import ctypes
import os
from dataclasses import dataclass
from typing import Literal

import torch

_MIX = 0x9E3779B97F4A7C15
# glibc's mallopt parameters.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where tensors live and how they are computed.

    Attributes:
        device: CPU or one GPU.
        name: For people.
        bf16: Use bfloat16 autocast.
        rank: This process among `world`.
        world: Processes that train together (torchrun).
    """

    device: torch.device
    name: str
    bf16: bool
    rank: int = 0
    world: int = 1


def start_runtime(bf16: Literal["auto", "always", "never"]) -> Runtime:
    """Choose the device, and join the other processes where torchrun started several."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
        name = torch.cuda.get_device_name(device)
    else:
        _keep_memory()
        # Bitwise resume rests on it; nothing of ours has a slow deterministic form on a CPU.
        torch.use_deterministic_algorithms(mode=True)
        # It would also write over every new tensor, a third of a step, so that nobody reads what is not
        # there; nothing of ours does.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        name = f"cpu x {torch.get_num_threads()}"
    if world > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
    fast = torch.cuda.is_bf16_supported() if cuda else cpu_has_bf16()
    return Runtime(
        device=device, name=name, bf16=bf16 == "always" or (bf16 == "auto" and fast), rank=rank, world=world
    )


def end_runtime(runtime: Runtime) -> None:
    """Wait for the other processes and let go of them."""
    if runtime.world > 1:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _keep_memory() -> None:
    """Let glibc keep large freed blocks: to give 24 MB back and fault it in anew costs a fifth of a step."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return  # another C library: only speed is lost
    libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
    libc.mallopt(_M_TRIM_THRESHOLD, 2 * _KEEP_BYTES - 1)


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX)."""
    try:
        with open("/proc/cpuinfo") as stream:  # noqa: PTH123 -- a device file
            flags = next((line for line in stream if line.startswith("flags")), "")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Make dropout and augmentation a function of (seed, step, rank): resuming needs no RNG state."""
    mixed = (seed * _MIX + step * 0xBF58476D1CE4E5B9 + rank * 0x94D049BB133111EB) & (2**63 - 1)
    torch.manual_seed(mixed)
