"""The two frames: the game's three.js axes in the data files, CARLA's everywhere else.

three.js: x right, z towards the viewer, rotation 0 faces -Z, left positive. CARLA: X forward, Y
right, yaw clockwise seen from above. So X = -z, Y = x, yaw = -rotation. Data is converted once,
when a file is loaded.
"""


def world_point(x: float, z: float) -> tuple[float, float]:
    """The world's (x_m, y_m) of a point of the game's ground plane."""
    return -z, x


def game_point(x_m: float, y_m: float) -> tuple[float, float]:
    """The game's (x, z) of a point of the world."""
    return y_m, -x_m


def world_yaw(rotation: float) -> float:
    """The world's clockwise yaw of a three.js rotation, radians, not wrapped."""
    return -rotation


def game_rotation(yaw_rad: float) -> float:
    """The three.js rotation of a world yaw, radians, not wrapped."""
    return -yaw_rad
