/**
 * The two frames: three.js axes in the data files and in rendering, CARLA's in physics and collision.
 *
 * three.js: x right, z towards the viewer, rotation 0 faces -Z, left positive. CARLA: X forward, Y
 * right, yaw clockwise seen from above. So X = -z, Y = x, yaw = -rotation, as in Python's `world/axes.py`.
 */

/** The world's [xM, yM] of a point of the game's ground plane. */
export function worldPoint(x: number, z: number): readonly [xM: number, yM: number] {
  return [-z, x];
}

/** The game's [x, z] of a point of the world. */
export function gamePoint(xM: number, yM: number): readonly [x: number, z: number] {
  return [yM, -xM];
}

/** The world's clockwise yaw of a three.js rotation, radians, not wrapped. */
export function worldYaw(rotation: number): number {
  return -rotation;
}

/** The three.js rotation of a world yaw, radians, not wrapped. */
export function gameRotation(yawRad: number): number {
  return -yawRad;
}
