"""The reference's law of motion: per animation frame and without a clock, as its recordings have it.

Constants were read in the reference client's source (lolismek/scale-diffusion, GameCanvas.jsx), its
brake off recorded sessions; speeds are metres per frame, logged as 37.5 times that.
"""

from world.physics.car import CarState
from world.trig import sin_cos

MAX_SPEED_M = 0.8
ACCELERATION_M, BRAKE_M, FRICTION_M = 0.01, 0.015, 0.003
TURN_RAD, MOUSE_RAD_PER_PX = 0.03, 0.002


def step_arcade(
    car: CarState, *, w: bool, a: bool, s: bool, d: bool, mouse_dx_px: float, dt_s: float
) -> None:
    """Advance a car in place by one animation frame, however long it took.

    Args:
        car: The car; its speed is kept in m/s by the frame's length.
        w: Held key.
        a: Held key.
        s: Held key.
        d: Held key.
        mouse_dx_px: Mouse movement since the last frame; it steers.
        dt_s: Length of the frame; must be positive.
    """
    # The law knows no time: what it carries from frame to frame is metres per frame.
    per_frame = car.push_mps2
    per_frame += ACCELERATION_M * w - BRAKE_M * s - FRICTION_M
    per_frame = min(MAX_SPEED_M, max(0.0, per_frame))
    car.push_mps2 = per_frame
    car.yaw_rad += (d - a) * TURN_RAD * per_frame / MAX_SPEED_M + MOUSE_RAD_PER_PX * mouse_dx_px
    sin_yaw, cos_yaw = sin_cos(car.yaw_rad)
    car.x_m += per_frame * cos_yaw
    car.y_m += per_frame * sin_yaw
    car.speed_mps = per_frame / dt_s
