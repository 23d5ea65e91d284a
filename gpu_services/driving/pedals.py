"""Pedals for a wanted speed, and the patience of a model that sees one picture at a time.

A single picture does not say how long the car has stood. Where the model is torn between standing and
going (a stop line), it is given a push after a short while; where it is sure to stand (a red light),
after a long one. TF++ and TransFuser creep likewise. Who pushes and does not move has something
before the bumper: it backs off a little and tries again, a few times; then it stands, and the
evaluator ends the route as blocked.
"""

from dataclasses import dataclass

_STANDING_MPS = 0.3
_SURE_MPS = 0.35
# A light is red for 15 s at most.
_SHORT_S, _LONG_S = 2.0, 16.0
_CREEP_S, _CREEP_MPS = 1.5, 2.5
_STOP_BELOW_MPS = 0.6
_STUCK_MPS, _STUCK_S, _BACK_OFF_S, _BACK_OFF_THROTTLE = 0.1, 1.0, 2.0, 0.5
# Driving again this fast, it has come free.
_TRIES, _FREE_MPS = 6, 4.0


@dataclass(frozen=True, kw_only=True)
class Pedals:
    """Throttle and brake, each in [0, 1], and the gear."""

    throttle: float
    brake: float
    reverse: bool = False


class SpeedHolder:
    """Brings the car to the speeds that the model wants."""

    def __init__(self) -> None:
        self._stood_since_s: float | None = None
        self._creep_until_s = -1.0
        self._pushed_since_s: float | None = None
        self._back_until_s = -1.0
        self._tries = 0

    def __call__(self, wanted_mps: float, speed_mps: float, now_s: float) -> Pedals:
        """The pedals of a tick.

        Args:
            wanted_mps: What the model says.
            speed_mps: What the car does.
            now_s: Simulation time.
        """
        if now_s < self._back_until_s:
            return Pedals(throttle=_BACK_OFF_THROTTLE, brake=0.0, reverse=True)
        if speed_mps > _FREE_MPS:
            self._tries = 0
        if self._tries >= _TRIES:
            return Pedals(throttle=0.0, brake=1.0)
        pedals = self._forward(wanted_mps, speed_mps, now_s)
        if pedals.throttle == 0.0 or abs(speed_mps) > _STUCK_MPS:
            self._pushed_since_s = None
        elif self._pushed_since_s is None:
            self._pushed_since_s = now_s
        elif now_s - self._pushed_since_s > _STUCK_S:
            self._pushed_since_s, self._back_until_s = None, now_s + _BACK_OFF_S
            self._tries += 1
        return pedals

    def _forward(self, wanted_mps: float, speed_mps: float, now_s: float) -> Pedals:
        wanted_mps = self._with_patience(max(0.0, wanted_mps), speed_mps, now_s)
        error = wanted_mps - speed_mps
        if wanted_mps < _STOP_BELOW_MPS:
            return Pedals(throttle=0.0, brake=1.0 if speed_mps > 0.5 else 0.6)
        if error > -0.3:
            return Pedals(throttle=min(1.0, max(0.0, 0.25 + 0.7 * error)), brake=0.0)
        return Pedals(throttle=0.0, brake=min(1.0, -0.35 * error))

    def _with_patience(self, wanted_mps: float, speed_mps: float, now_s: float) -> float:
        if now_s < self._creep_until_s:
            return max(wanted_mps, _CREEP_MPS)
        if speed_mps > _STANDING_MPS:
            self._stood_since_s = None
            return wanted_mps
        if self._stood_since_s is None:
            self._stood_since_s = now_s
        patience_s = _LONG_S if wanted_mps < _SURE_MPS else _SHORT_S
        if now_s - self._stood_since_s > patience_s:
            self._stood_since_s, self._creep_until_s = None, now_s + _CREEP_S
        return wanted_mps
