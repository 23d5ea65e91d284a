"""The network: torchvision's names, the reference's forward and weights, presets, export."""

import io
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.driving import ReferenceModel
from gpu_services.driving.export import export_program
from gpu_services.driving.network import Cilrs, fold_batch_norm
from gpu_services.driving.reference import load_reference, read_reference
from gpu_services.driving.resnet import ResNet
from gpu_services.errors import CheckpointError
from scalediff_contract.driving import PRESETS, PresetName
from tests.gpu_services.driving.conftest import TINY


def inputs(model: Cilrs, batch: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    picture = torch.randn(batch, 3, *model.architecture.picture_px, generator=generator)
    return picture, torch.rand(batch, generator=generator), torch.arange(batch) % 4


@pytest.mark.parametrize(
    ("backbone", "tensors", "parameters"), [("resnet18", 120, 11_176_512), ("resnet34", 216, 21_284_672)]
)
def test_the_encoder_has_torchvisions_names_and_size(backbone: str, tensors: int, parameters: int) -> None:
    state = ResNet(backbone).state_dict()  # type: ignore[arg-type]
    assert len(state) == tensors
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
            "layer4.1.bn2.num_batches_tracked"} <= set(state)  # fmt: skip
    assert state["layer4.0.downsample.0.weight"].shape == (512, 256, 1, 1)
    counts = [parameter.numel() for parameter in ResNet(backbone).parameters()]  # type: ignore[arg-type]
    assert sum(counts) == parameters


def to_sequential_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The reference without timm: torchvision's children in a Sequential."""
    places = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    renamed = {}
    for key, value in state.items():
        first, _, rest = key.removeprefix("encoder.").partition(".")
        renamed[f"encoder.{places[first]}.{rest}" if key.startswith("encoder.") else key] = value
    return renamed


@pytest.mark.parametrize("layout", ["timm", "sequential"])
def test_reference_weights_give_the_references_outputs(layout: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    reference = ReferenceModel().eval()
    state = reference.state_dict() if layout == "timm" else to_sequential_names(reference.state_dict())
    path = tmp_path / "model_best.pth"
    torch.save(state, path)
    ours = Cilrs(PRESETS["seed_compat"].architecture).eval()
    load_reference(ours, read_reference(path), name=path.name)
    with torch.no_grad():
        picture, speed, command = inputs(ours)
        controls, said = ours(picture, speed, command)
        assert said is None
        assert torch.allclose(controls, reference(picture, speed[:, None], command), atol=1e-5)


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save({"model": ReferenceModel()}, path)
    with pytest.raises(CheckpointError, match="not a plain state dict"):
        read_reference(path)


def test_reference_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    state = ReferenceModel().state_dict()
    state["encoder.conv1.weight"] = state["encoder.conv1.weight"][:32]
    with pytest.raises(CheckpointError, match=r"encoder\.conv1\.weight is \(32, 3, 7, 7\)"):
        load_reference(Cilrs(PRESETS["seed_compat"].architecture), state, name="x.pth")
    with pytest.raises(CheckpointError, match=r"it has no branches\.0\.0\.weight"):
        load_reference(Cilrs(PRESETS["seed_compat"].architecture), {}, name="x.pth")


@pytest.mark.slow
@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_preset_predicts(preset: PresetName) -> None:
    model = Cilrs(PRESETS[preset].architecture).eval()
    with torch.no_grad():
        controls, speed = model(*inputs(model))
    assert controls.shape == (5, 3)
    assert (speed is None) == (preset == "seed_compat")
    assert speed is None or speed.shape == (5,)


def test_a_command_chooses_its_branch() -> None:
    model = Cilrs(TINY).eval()
    picture, speed, _ = inputs(model, 1)
    with torch.no_grad():
        said = [model(picture, speed, torch.tensor([command]))[0] for command in range(4)]
        batch = model(picture.expand(4, -1, -1, -1), speed.expand(4), torch.arange(4))[0]
    assert len({tuple(controls[0].tolist()) for controls in said}) == 4
    assert torch.allclose(torch.cat(said), batch, atol=1e-6)


@pytest.mark.slow
def test_the_exported_program_says_what_the_model_says() -> None:
    model = Cilrs(TINY).eval()
    program = torch.export.load(io.BytesIO(export_program(model))).module()
    with torch.no_grad():
        for batch in (1, 7):
            ours, theirs = model(*inputs(model, batch)), program(*inputs(model, batch))
            assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.slow
def test_the_graph_has_no_break() -> None:
    model = Cilrs(TINY).eval()
    explained = torch._dynamo.explain(model)(*inputs(model))
    assert explained.graph_break_count == 0


def test_folding_batch_norm_changes_nothing_but_the_cost() -> None:
    model = Cilrs(TINY)
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
    model.eval()
    before, speed_before = model(*inputs(model))
    folded = fold_batch_norm(model)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    after, speed_after = folded(*inputs(model))
    assert torch.allclose(before, after, atol=1e-5)
    assert torch.allclose(speed_before, speed_after, atol=1e-5)
