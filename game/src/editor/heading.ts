/** Headings on the map: three.js rotations (0 faces north, left positive) and the tip of their arrow. */

import { gamePoint, gameRotation, worldPoint, worldYaw } from "../axes";
import type { Place } from "../scenario/model";

export const ARROW_M = 12;

/** The tip of the arrow that starts at a place. */
export function headingPlace(from: Place, rotation: number, lengthM = ARROW_M): Place {
  const [xM, yM] = worldPoint(...from);
  const yawRad = worldYaw(rotation);
  return gamePoint(xM + lengthM * Math.cos(yawRad), yM + lengthM * Math.sin(yawRad));
}

/** The rotation of somebody who looks from one place to another. */
export function rotationTowards(from: Place, to: Place): number {
  const [fromX, fromY] = worldPoint(...from);
  const [toX, toY] = worldPoint(...to);
  return gameRotation(Math.atan2(toY - fromY, toX - fromX));
}
