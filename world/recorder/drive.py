"""The drive: a player presses keys, a car follows; every tick's true state is kept.

Two laws of motion. `exact`: a kinematic bicycle in SI units with analog controls, as version 2
clients log it. `arcade`: the reference's law, per animation frame and without a clock (0.01 speed
up, 0.003 friction, 0.03 rad of yaw at full speed), so that what it calls speed is true at 37.5
frames a second only. Constants of `arcade` were read off recorded sessions.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from world.recorder.route import Route
from world.recorder.spec import Driver

KEYS = "wasd"
WHEELBASE_M = 2.9
MAX_STEER_RAD = math.radians(35.0)
ARCADE_MAX_SPEED = 0.8  # metres per animation frame
ARCADE_SPEED_UNIT = 37.5  # logged speed = metres per frame x 37.5
_ARCADE_TURN_RAD = 0.03
_ARCADE_MOUSE_RAD_PER_PX = 0.002
_CRUISE_MPS, _TURN_MPS = 9.0, 4.5
_LOOK_AHEAD_S, _LOOK_AHEAD_MIN_M = 0.75, 4.0
_SUBSTEP_S = 1 / 60


@dataclass(frozen=True, kw_only=True)
class Ticks:
    """The true state at each tick, after the tick's inputs were applied; all `(N,)`.

    Attributes:
        t_ms: Time since the drive's start.
        x_m: World X.
        y_m: World Y.
        yaw_rad: Clockwise, continuous.
        speed_mps: True speed.
        speed_game: Speed as the game logs it.
        steer: Right positive; [-1, 1] in `exact`, radians per frame in `arcade`.
        throttle: [0, 1].
        brake: [0, 1].
        command: Navigation command 1 to 4.
        held: `(N, 4) bool`, W A S D.
        mouse_dx_px: Mouse movement that the tick consumed; it steers in `arcade` only.
    """

    t_ms: npt.NDArray[np.float64]
    x_m: npt.NDArray[np.float64]
    y_m: npt.NDArray[np.float64]
    yaw_rad: npt.NDArray[np.float64]
    speed_mps: npt.NDArray[np.float64]
    speed_game: npt.NDArray[np.float64]
    steer: npt.NDArray[np.float64]
    throttle: npt.NDArray[np.float64]
    brake: npt.NDArray[np.float64]
    command: npt.NDArray[np.int8]
    held: npt.NDArray[np.bool_]
    mouse_dx_px: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.t_ms)


class _Player:
    """Decides which keys are held, a reaction time late and a little noisily."""

    def __init__(self, route: Route, driver: Driver, seed: int) -> None:
        self.route = route
        self.driver = driver
        self.index = 0
        self._rng = np.random.default_rng([seed, 3])
        self._cruise_mps = _CRUISE_MPS * float(self._rng.uniform(0.85, 1.2))
        self._held = np.zeros(4, np.bool_)
        self._next_change_ms = np.zeros(4)

    def keys(
        self, t_ms: float, pose: npt.NDArray[np.float64], speed_mps: float, steer: float
    ) -> npt.NDArray[np.bool_]:
        """Held W A S D.

        Args:
            t_ms: Time.
            pose: `x_m, y_m, yaw_rad`.
            speed_mps: True speed.
            steer: Steering now, in [-1, 1].
        """
        if self.driver == "idle":
            return self._held.copy()
        wanted = self._wanted(pose, speed_mps, steer)
        if self.driver == "jittery":
            wanted ^= self._rng.random(4) < 0.04
        for key in range(4):
            if wanted[key] != self._held[key] and t_ms >= self._next_change_ms[key]:
                self._held[key] = wanted[key]
                self._next_change_ms[key] = t_ms + self._rng.uniform(60, 140)
        return self._held.copy()

    def mouse_dx_px(self, pose: npt.NDArray[np.float64], speed_mps: float) -> float:
        """Mouse movement that helps where keys turn too wide; 0 while the car stands."""
        if self.driver == "idle" or speed_mps < 1.0:
            return 0.0
        wanted = self._steer_wanted(pose, speed_mps)
        return 0.0 if abs(wanted) < 0.15 else float(np.clip(round(wanted * 45), -60, 60))

    def _wanted(self, pose: npt.NDArray[np.float64], speed_mps: float, steer: float) -> npt.NDArray[np.bool_]:
        self._advance(pose)
        error = self._steer_wanted(pose, speed_mps) - steer
        limit_mps = self._limit_mps(speed_mps)
        if self.driver == "crash":
            error, limit_mps = 0.0, 14.0
        held_w, _, held_s, _ = self._held
        return np.array(
            [
                speed_mps < limit_mps + (0.4 if held_w else -0.6),
                error < -0.08,
                speed_mps > limit_mps + (0.8 if held_s else 2.0),
                error > 0.08,
            ]
        )

    def _advance(self, pose: npt.NDArray[np.float64]) -> None:
        window = self.route.points_m[self.index : self.index + 60]
        self.index += int(np.argmin(((window - pose[:2]) ** 2).sum(axis=1)))
        self.index = min(self.index, len(self.route.points_m) - 61)

    def _limit_mps(self, speed_mps: float) -> float:
        ahead = self.index + int((2.0 + speed_mps * 1.4) / 0.5)
        return _TURN_MPS if self.route.in_turn[self.index : ahead].any() else self._cruise_mps

    def _steer_wanted(self, pose: npt.NDArray[np.float64], speed_mps: float) -> float:
        """Pure pursuit: the steering that passes through a point ahead."""
        ahead_m = max(_LOOK_AHEAD_MIN_M, speed_mps * _LOOK_AHEAD_S)
        target = self.route.points_m[min(self.index + int(ahead_m / 0.5), len(self.route.points_m) - 1)]
        dx, dy = target - pose[:2]
        bearing = math.atan2(dy, dx) - pose[2]
        curvature = 2 * math.sin(bearing) / max(1.0, math.hypot(dx, dy))
        return float(np.clip(math.atan(WHEELBASE_M * curvature) / MAX_STEER_RAD, -1, 1))


def drive(
    route: Route, t_ms: npt.NDArray[np.float64], *, driver: Driver, seed: int, law: str = "exact"
) -> Ticks:
    """Drive along a route.

    Args:
        route: Where to.
        t_ms: `(N,)` tick times; in `arcade` each tick is one animation frame, however long it took.
        driver: How the player behaves.
        seed: Chooses the player's noise.
        law: `exact` or `arcade`.
    """
    player = _Player(route, driver, seed)
    arcade = law != "exact"
    first, second = route.points_m[0], route.points_m[1]
    state = np.array([*first, math.atan2(*(second - first)[::-1]), 0.0, 0.0])  # x y yaw speed steer
    rows, held_rows, commands, mouse = [], [], [], []
    for number, now_ms in enumerate(t_ms):
        dt_s = (now_ms - t_ms[number - 1]) / 1000 if number else 0.0
        speed_mps = float(state[3]) / max(dt_s, 0.02) if arcade else float(state[3])
        held = player.keys(now_ms, state[:3], speed_mps, 0.0 if arcade else float(state[4]))
        dx_px = player.mouse_dx_px(state[:3], speed_mps) if arcade else 0.0
        state = _arcade_step(state, held, dx_px) if arcade else _bicycle_step(state, held, dt_s)
        mouse.append(dx_px)
        rows.append(state)
        held_rows.append(held)
        commands.append(route.command(player.index))
    inputs = (np.array(held_rows), np.array(mouse))
    return _ticks(t_ms, np.array(rows), inputs, np.array(commands, np.int8), law)


def _bicycle_step(
    state: npt.NDArray[np.float64], held: npt.NDArray[np.bool_], dt_s: float
) -> npt.NDArray[np.float64]:
    x, y, yaw, speed, steer = (float(value) for value in state)
    w, a, s, d = (bool(key) for key in held)
    steps = max(1, round(dt_s / _SUBSTEP_S)) if dt_s > 0 else 0
    for _ in range(steps):
        dt = dt_s / steps
        wanted = float(d) - float(a)
        rate = 2.5 if wanted else 4.0
        steer += float(np.clip(wanted - steer, -rate * dt, rate * dt))
        acceleration = 3.5 * w - 6.0 * s - (0.25 + 0.06 * speed if speed > 0 else 0.0)
        speed = max(0.0, speed + acceleration * dt)
        yaw += speed / WHEELBASE_M * math.tan(steer * MAX_STEER_RAD) * dt
        x += speed * math.cos(yaw) * dt
        y += speed * math.sin(yaw) * dt
    return np.array([x, y, yaw, speed, steer])


def _arcade_step(
    state: npt.NDArray[np.float64], held: npt.NDArray[np.bool_], dx_px: float
) -> npt.NDArray[np.float64]:
    x, y, yaw, speed, _ = (float(value) for value in state)
    w, a, s, d = (bool(key) for key in held)
    speed = min(ARCADE_MAX_SPEED, max(0.0, speed + 0.01 * w - 0.015 * s - 0.003))
    turn = (float(d) - float(a)) * _ARCADE_TURN_RAD * speed / ARCADE_MAX_SPEED
    yaw += turn + _ARCADE_MOUSE_RAD_PER_PX * dx_px
    return np.array([x + speed * math.cos(yaw), y + speed * math.sin(yaw), yaw, speed, float(d) - float(a)])


def _ticks(
    t_ms: npt.NDArray[np.float64],
    rows: npt.NDArray[np.float64],
    inputs: tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]],
    command: npt.NDArray[np.int8],
    law: str,
) -> Ticks:
    held, mouse_dx_px = inputs
    speed = rows[:, 3]
    if law == "exact":
        speed_mps, speed_game, steer = speed, speed, rows[:, 4]
    else:
        dt_s = np.maximum(np.diff(t_ms, prepend=t_ms[0] - 1000 / ARCADE_SPEED_UNIT), 1e-3) / 1000
        speed_mps, speed_game = speed / dt_s, speed * ARCADE_SPEED_UNIT
        steer = rows[:, 4] * _ARCADE_TURN_RAD * speed / ARCADE_MAX_SPEED
    return Ticks(
        t_ms=t_ms,
        x_m=rows[:, 0],
        y_m=rows[:, 1],
        yaw_rad=rows[:, 2],
        speed_mps=speed_mps,
        speed_game=speed_game,
        steer=steer,
        throttle=held[:, 0].astype(np.float64),
        brake=held[:, 2].astype(np.float64),
        command=command,
        held=held,
        mouse_dx_px=mouse_dx_px,
    )
