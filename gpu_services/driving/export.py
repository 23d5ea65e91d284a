"""The network as a torch.export program: runs without this code, and must say what the model says."""

import io

import torch

from gpu_services.driving.network import Cilrs
from gpu_services.errors import CheckpointError

_TOLERANCE = 1e-5


def export_program(model: Cilrs) -> bytes:
    """A `.pt2` file for any batch size; `torch.export.load(...).module()` runs it.

    Its inputs are those of `Cilrs.forward`. The program is loaded again and compared with the model
    before it is given out.

    Raises:
        CheckpointError: Where the program says something else than the model.
    """
    # A copy on the CPU in plain memory order: a program of channels_last weights saves with a warning.
    plain = Cilrs(model.architecture)
    plain.load_state_dict(model.state_dict())
    model = plain.eval()
    height, width = model.architecture.picture_px
    generator = torch.Generator().manual_seed(0)
    picture = torch.randn(2, 3, height, width, generator=generator)
    example = (picture, torch.rand(2, generator=generator), torch.tensor([0, 3]))
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(
        model, example, dynamic_shapes={"picture": {0: batch}, "speed": {0: batch}, "command": {0: batch}}
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    content = buffer.getvalue()
    _check(model, content, generator)
    return content


@torch.no_grad()
def _check(model: Cilrs, content: bytes, generator: torch.Generator) -> None:
    loaded = torch.export.load(io.BytesIO(content)).module()
    height, width = model.architecture.picture_px
    inputs = (
        torch.randn(5, 3, height, width, generator=generator),
        torch.rand(5, generator=generator),
        torch.tensor([0, 1, 2, 3, 0]),
    )
    for ours, theirs in zip(model(*inputs), loaded(*inputs), strict=True):
        if ours is not None and not torch.allclose(ours, theirs, atol=_TOLERANCE):
            off = float((ours - theirs).abs().max())
            raise CheckpointError("the exported program", f"differs from the model by {off:g}", "report this")
