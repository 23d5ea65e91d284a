/** Buildings as faces: walls and roofs in their own colour, the light on them included. */

import * as THREE from "three";

import { litColor } from "./light";
import { type Faces, Pieces, type Tile, type WrappedMesh } from "./pieces";

/** A building as `city.json` has it: a closed ring in the game's axes. */
export interface BuildingEntry {
  readonly vertices: readonly (readonly [number, number])[];
  readonly height: number;
  readonly color: string;
}

/** The buildings' meshes. */
export function cityMeshes(buildings: readonly BuildingEntry[], tile: Tile, material: THREE.Material): WrappedMesh[] {
  const pieces = new Pieces(tile);
  const color = new THREE.Color();
  for (const building of buildings) {
    const [x, z] = building.vertices[0] ?? [0, 0];
    addBuilding(pieces.at(x, z), building, color.set(building.color));
  }
  return pieces.meshes(material);
}

function addBuilding(to: Faces, { vertices, height }: BuildingEntry, color: THREE.Color): void {
  const ring = vertices.slice(0, -1).map(([x, z]) => new THREE.Vector2(x, z));
  if (THREE.ShapeUtils.isClockWise(ring)) ring.reverse();
  ring.forEach((from, k) => addWall(to, from, ring[(k + 1) % ring.length] ?? from, height, color));
  // Earcut's triangles turn as the ring does; seen from above, x to the right and z down, that is back.
  const triangles = THREE.ShapeUtils.triangulateShape(ring, []).map((corners) => [...corners].reverse());
  to.polygon(ring.map(({ x, y: z }) => [x, height, z] as const), triangles, litColor(color, [0, 1, 0]));
}

function addWall(to: Faces, a: THREE.Vector2, b: THREE.Vector2, height: number, color: THREE.Color): void {
  const length = a.distanceTo(b);
  if (length === 0) return;
  const shade = litColor(color, [(b.y - a.y) / length, 0, (a.x - b.x) / length]);
  to.quad([[a.x, 0, a.y], [a.x, height, a.y], [b.x, height, b.y], [b.x, 0, b.y]], shade);
}
