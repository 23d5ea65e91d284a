"""What a driving model is and how it is trained: architecture, recipe, and the presets of the launch form.

Serialised into a job's spec and stored beside the weights, so that whoever loads a checkpoint knows
what it is. A field out of its range is refused with its name.

| | `seed_compat` | `cilrs_2019` | `default` | `demo` |
|---|---|---|---|---|
| source | lolismek/scale-diffusion | felipecode/coiltraine resnet34imnet10S1 | this project | this project |
| picture | 256x256, whole | 88x200, rows cut | 144x256, rows cut | 96x160, rows cut |
| speed in | /30, 64-64 | /12, 128-128 | none | none |
| speed head | none | current speed | speed in 0.8 s, by command | speed in 0.8 s, by command |
| loss | MSE | L1, .5/.45/.05 | L1 | L1 |
| pedals | the model's | the model's | from the predicted speed | from the predicted speed |
| looks at a picture every | 0.1 s | 0.1 s | 0.1 s | 0.2 s |

Why `default` predicts a speed and not pedals: a keyboard's pedals are on or off, and a model that is
told its own speed learns to keep it (Codevilla et al. 2019, "inertia").
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FRAME_PX = 256
COMMANDS = ("left", "right", "straight", "follow")
CONTROLS = ("steer", "throttle", "brake")
PresetName = Literal["seed_compat", "cilrs_2019", "default", "demo"]


class Declared(BaseModel):
    """Frozen, exact, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Camera(Declared):
    """The camera whose pictures the model was trained on; the agent mounts the same one.

    Attributes:
        width_px: Width before the frame is squashed to 256x256.
        height_px: Height before that.
        fov_vertical_deg: Field of view along the height.
        height_m: Above the ground.
    """

    width_px: int = Field(default=320, ge=16, le=4096)
    height_px: int = Field(default=180, ge=16, le=4096)
    fov_vertical_deg: float = Field(default=75.0, gt=1, lt=179)
    height_m: float = Field(default=1.6, gt=0, le=3)


class Architecture(Declared):
    """A CILRS network (Codevilla et al. 2019, arXiv 1904.08980).

    Attributes:
        backbone: Depth of the ResNet.
        width: Channels of its first stage; 64 is the published network.
        picture_px: Height and width of the network's input.
        rows: Rows [first, end) of the 256x256 frame that the picture is cut from.
        speed_hidden: Widths of the speed input's layers; empty: no speed input.
        speed_scale_mps: Speeds are divided by it.
        join_hidden: Width of the layer that joins picture and speed.
        branch_hidden: Widths of each command's layers.
        branch_dropout: Dropout after each of them.
        join_dropout: Dropout after the join.
        speed_head: `none`, one for all commands, or one per command.
        speed_head_hidden: Widths of its layers.
    """

    backbone: Literal["resnet18", "resnet34"] = "resnet18"
    width: int = Field(default=64, ge=8, le=128)
    picture_px: tuple[int, int] = (144, 256)
    rows: tuple[int, int] = (64, 208)
    speed_hidden: tuple[int, ...] = ()
    speed_scale_mps: float = Field(default=12.0, gt=0)
    join_hidden: int = Field(default=512, ge=8)
    branch_hidden: tuple[int, int] = (256, 256)
    branch_dropout: tuple[float, float] = (0.0, 0.5)
    join_dropout: float = Field(default=0.0, ge=0, lt=1)
    speed_head: Literal["none", "shared", "per_command"] = "per_command"
    speed_head_hidden: tuple[int, ...] = (256, 256)

    @model_validator(mode="after")
    def _check(self) -> Self:
        first, end = self.rows
        if not 0 <= first < end <= FRAME_PX:
            raise ValueError(f"rows is {self.rows}; it must be [first, end) within 0 to {FRAME_PX}")
        if min(self.picture_px) < 32:
            raise ValueError(f"picture_px is {self.picture_px}; both sides must be at least 32")
        return self


class Recipe(Declared):
    """How a network is trained.

    Attributes:
        steps: Optimiser steps.
        batch: Samples of a step, over all processes.
        optimiser: Which.
        lr: Peak learning rate.
        weight_decay: Decoupled (AdamW) or L2 (Adam).
        schedule: `cosine` to zero after a linear warm-up, or the rate as it is.
        warmup_steps: Steps of the warm-up.
        loss: L1 or squared error of the controls.
        speed_loss: Of the speed head. The squared error gives the mean: where half of the drivers stand
            and half go, the model creeps on instead of standing for ever.
        control_weights: Steer, throttle, brake.
        branch_weight: Of the controls in the loss.
        speed_weight: Of the speed head.
        labels: `logged` controls, or `path`: steering by pure pursuit on what was driven next.
        speed_horizon_s: The speed head predicts the speed this far ahead; 0 is the speed now.
        balanced: Sample by command, steering, speed and its change; otherwise evenly.
        idle_share: Most that standing frames may make up of a batch.
        colour: Jitter of brightness and colour.
        yaw_rad: Standard deviation of the camera's simulated rotation.
        shift_m: Standard deviation of the camera's simulated shift to the side.
        ema_decay: Of the averaged weights that are evaluated and published; 0: the last weights.
        bf16: Mixed precision: always, never, or where the machine has instructions for it.
        validate_every: Steps between two looks at the validation split.
        save_every: Steps between two checkpoints.
        seed: Of weights, samples, dropout and augmentation.
    """

    steps: int = Field(default=20_000, ge=1)
    batch: int = Field(default=256, ge=1)
    optimiser: Literal["adam", "adamw"] = "adamw"
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_steps: int = Field(default=200, ge=0)
    loss: Literal["l1", "mse"] = "l1"
    speed_loss: Literal["l1", "mse"] = "mse"
    control_weights: tuple[float, float, float] = (0.9, 0.05, 0.05)
    branch_weight: float = Field(default=1.0, ge=0)
    speed_weight: float = Field(default=1.0, ge=0)
    labels: Literal["logged", "path"] = "path"
    speed_horizon_s: float = Field(default=0.8, ge=0, le=5)
    balanced: bool = True
    idle_share: float = Field(default=0.15, ge=0, le=1)
    colour: float = Field(default=0.3, ge=0, le=1)
    yaw_rad: float = Field(default=0.1, ge=0, le=0.5)
    shift_m: float = Field(default=0.5, ge=0, le=2)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    bf16: Literal["auto", "always", "never"] = "auto"
    validate_every: int = Field(default=1_000, ge=1)
    save_every: int = Field(default=1_000, ge=1)
    seed: int = Field(default=0, ge=0)


class Preset(Declared):
    """A named model and recipe.

    Attributes:
        architecture: The network.
        recipe: The training.
        pedals: What the agent obeys: the model's throttle and brake, or its speed.
        look_every_s: Simulated time between two pictures that the agent looks at.
    """

    architecture: Architecture
    recipe: Recipe
    pedals: Literal["model", "speed"]
    look_every_s: float = Field(default=0.1, gt=0, le=1)


PRESETS: dict[PresetName, Preset] = {
    "seed_compat": Preset(
        architecture=Architecture(
            picture_px=(256, 256),
            rows=(0, 256),
            speed_hidden=(64, 64),
            speed_scale_mps=30.0,
            join_dropout=0.2,
            branch_hidden=(256, 128),
            branch_dropout=(0.2, 0.0),
            speed_head="none",
            speed_head_hidden=(),
        ),
        recipe=Recipe(
            steps=10_000,
            batch=32,
            lr=1e-4,
            warmup_steps=0,
            loss="mse",
            control_weights=(1.0, 1.0, 1.0),
            speed_weight=0.0,
            labels="logged",
            speed_horizon_s=0.0,
            balanced=False,
            idle_share=1.0,
            colour=0.0,
            yaw_rad=0.0,
            shift_m=0.0,
            ema_decay=0.0,
        ),
        pedals="model",
    ),
    "cilrs_2019": Preset(
        architecture=Architecture(
            backbone="resnet34",
            picture_px=(88, 200),
            rows=(38, 208),
            speed_hidden=(128, 128),
            speed_head="shared",
        ),
        recipe=Recipe(
            steps=100_000,
            batch=120,
            optimiser="adam",
            lr=2e-4,
            weight_decay=0.0,
            warmup_steps=0,
            control_weights=(0.5, 0.45, 0.05),
            branch_weight=0.95,
            speed_weight=0.05,
            speed_loss="l1",
            labels="logged",
            speed_horizon_s=0.0,
            idle_share=1.0,
            colour=0.0,
            yaw_rad=0.0,
            shift_m=0.0,
            ema_decay=0.0,
        ),
        pedals="model",
    ),
    "default": Preset(architecture=Architecture(), recipe=Recipe(), pedals="speed"),
    "demo": Preset(
        architecture=Architecture(
            width=32,
            picture_px=(96, 160),
            rows=(64, 224),
            join_hidden=256,
            branch_hidden=(128, 128),
            branch_dropout=(0.0, 0.2),
            speed_head_hidden=(128,),
        ),
        recipe=Recipe(
            steps=1000, batch=64, warmup_steps=40, ema_decay=0.98, validate_every=500, save_every=200
        ),
        pedals="speed",
        look_every_s=0.2,  # half the closed loop's cost on a CPU
    ),
}
