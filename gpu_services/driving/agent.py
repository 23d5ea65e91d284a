"""The Leaderboard agent of a checkpoint: one file for minitown and for CARLA.

    scalediff drive --agent gpu_services/driving/agent.py:CHECKPOINT_FOLDER --route-set minitown-12

Sees one camera, the speedometer and GNSS (for the navigation command). The camera is the one whose
pictures the model was trained on; what is done to a picture is the code that made the training data.
The model runs at 10 Hz, the rate of its data; the steps between repeat its wheel.
"""

import math
from typing import Any

import carla
import numpy as np
import torch
from leaderboard.autoagents.autonomous_agent import AutonomousAgent, Track

from gpu_services.driving.augment import normalise
from gpu_services.driving.checkpoint import load_model
from gpu_services.driving.frames import picture_of, squash
from gpu_services.driving.network import channels_last, fold_batch_norm
from gpu_services.driving.pedals import SpeedHolder
from gpu_services.driving.route import RouteFollower

_CONTROLS_OF_MODEL = "model"


def get_entry_point() -> str:
    """The Leaderboard asks for the agent's class by name."""
    return "CilrsAgent"


class CilrsAgent(AutonomousAgent):  # type: ignore[misc]
    """Drives with a CILRS checkpoint."""

    def setup(self, path_to_conf_file: str) -> None:
        """Load the checkpoint.

        Args:
            path_to_conf_file: Its folder.
        """
        self.track = Track.SENSORS
        # Two routes may be driven at once; one thread each is as fast for one picture.
        torch.set_num_threads(1)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model, self._card = load_model(path_to_conf_file, device)
        self._model = channels_last(fold_batch_norm(self._model))
        self._device = device
        self._route = RouteFollower(self._global_plan)
        self._hold = SpeedHolder()
        self._next_s = -math.inf
        self._said = np.zeros(4)

    def sensors(self) -> list[dict[str, Any]]:
        """The training data's camera, speedometer and GNSS."""
        camera = self._card.camera
        half = math.tan(math.radians(camera.fov_vertical_deg) / 2) * camera.width_px / camera.height_px
        place = {"x": 0.0, "y": 0.0, "z": camera.height_m, "roll": 0.0, "pitch": 0.0, "yaw": 0.0}
        return [
            {
                "type": "sensor.camera.rgb",
                "id": "front",
                **place,
                "width": camera.width_px,
                "height": camera.height_px,
                "fov": math.degrees(2 * math.atan(half)),
                "sensor_tick": self._card.look_every_s,
            },
            {"type": "sensor.speedometer", "id": "speed", "reading_frequency": 20},
            {"type": "sensor.other.gnss", "id": "gnss", "x": 0.0, "y": 0.0, "z": 0.0},
        ]

    def run_step(self, input_data: dict[str, tuple[int, Any]], timestamp: float) -> carla.VehicleControl:
        """The controls of one tick."""
        speed_mps = float(input_data["speed"][1]["speed"])
        latitude, longitude = (float(value) for value in input_data["gnss"][1][:2])
        command = self._route.command(latitude, longitude)
        if timestamp >= self._next_s:
            self._next_s = timestamp + self._card.look_every_s - 0.01
            self._said = self._look(input_data["front"][1], speed_mps, command)
        steer, throttle, brake, wanted_mps = (float(value) for value in self._said)
        reverse = False
        if self._card.pedals != _CONTROLS_OF_MODEL:
            pedals = self._hold(wanted_mps, speed_mps, timestamp)
            throttle, brake, reverse = pedals.throttle, pedals.brake, pedals.reverse
            # Backing off undoes the way in.
            steer = -steer if reverse else steer
        elif brake < 0.05 or brake < throttle:
            brake = 0.0
        else:
            throttle = 0.0
        return carla.VehicleControl(
            steer=min(1.0, max(-1.0, steer)),
            throttle=min(1.0, max(0.0, throttle)),
            brake=min(1.0, max(0.0, brake)),
            reverse=reverse,
        )

    @torch.inference_mode()
    def _look(self, bgra: np.ndarray, speed_mps: float, command: int) -> np.ndarray:
        """What the model says to a picture: steer, throttle, brake, speed in m/s."""
        a = self._card.architecture
        rgb = np.ascontiguousarray(bgra[..., 2::-1])
        picture = np.ascontiguousarray(picture_of(squash(rgb), *a.rows, *a.picture_px))
        controls, speed = self._model(
            normalise(torch.from_numpy(picture)[None].to(self._device)),
            torch.tensor([speed_mps / a.speed_scale_mps], device=self._device),
            torch.tensor([command - 1], device=self._device),
        )
        wanted = speed_mps if speed is None else float(speed[0]) * a.speed_scale_mps
        return np.array([*controls[0].float().cpu().tolist(), wanted])

    def destroy(self) -> None:
        """Nothing to let go."""
