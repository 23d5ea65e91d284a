/**
 * The city as few meshes: buildings merged into chunks of 240 m with a colour per vertex.
 *
 * One mesh per building costs 5,247 draw calls; 100 chunks, half of them out of sight, cost about 50
 * (benchmarks/game.py). Lambert shading with flat normals is three times as fast as the standard
 * material without a GPU.
 */

import * as THREE from "three";

export const CHUNK_M = 240;

/** A building as `city.json` has it: a closed ring in the game's axes. */
export interface BuildingEntry {
  readonly vertices: readonly (readonly [number, number])[];
  readonly height: number;
  readonly color: string;
}

interface Buffers {
  readonly positions: number[];
  readonly normals: number[];
  readonly colors: number[];
}

/** The buildings' meshes, one per chunk; `userData.center` is the chunk's middle. */
export function cityMeshes(buildings: readonly BuildingEntry[]): THREE.Mesh[] {
  const chunks = new Map<string, { buffers: Buffers; x: number; z: number }>();
  const color = new THREE.Color();
  for (const building of buildings) {
    const [x, z] = building.vertices[0] ?? [0, 0];
    const column = Math.floor(x / CHUNK_M);
    const row = Math.floor(z / CHUNK_M);
    const name = `${column}/${row}`;
    let chunk = chunks.get(name);
    if (chunk === undefined) {
      const buffers = { positions: [], normals: [], colors: [] };
      chunk = { buffers, x: (column + 0.5) * CHUNK_M, z: (row + 0.5) * CHUNK_M };
      chunks.set(name, chunk);
    }
    addBuilding(chunk.buffers, building, color.set(building.color));
  }
  const material = new THREE.MeshLambertMaterial({ vertexColors: true });
  return [...chunks.values()].map(({ buffers, x, z }) => {
    const mesh = new THREE.Mesh(geometryOf(buffers), material);
    mesh.userData = { center: [x, z] };
    mesh.matrixAutoUpdate = false;
    return mesh;
  });
}

function geometryOf({ positions, normals, colors }: Buffers): THREE.BufferGeometry {
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.Float32BufferAttribute(positions, 3));
  geometry.setAttribute("normal", new THREE.Int8BufferAttribute(normals, 3, true));
  geometry.setAttribute("color", new THREE.Uint8BufferAttribute(colors, 3, true));
  geometry.computeBoundingSphere();
  return geometry;
}

function addBuilding(to: Buffers, { vertices, height }: BuildingEntry, color: THREE.Color): void {
  const ring = vertices.slice(0, -1).map(([x, z]) => new THREE.Vector2(x, z));
  if (THREE.ShapeUtils.isClockWise(ring)) ring.reverse();
  const rgb = [color.r * 255, color.g * 255, color.b * 255];
  ring.forEach((from, k) => addWall(to, from, ring[(k + 1) % ring.length] ?? from, height, rgb));
  for (const triangle of THREE.ShapeUtils.triangulateShape(ring, [])) {
    // Earcut's triangles turn as the ring does; seen from above, x to the right and z down, that is back.
    for (const corner of [...triangle].reverse()) {
      const point = ring[corner];
      if (point !== undefined) addVertex(to, [point.x, height, point.y], [0, 127, 0], rgb);
    }
  }
}

function addWall(to: Buffers, a: THREE.Vector2, b: THREE.Vector2, height: number, rgb: number[]): void {
  const length = a.distanceTo(b);
  if (length === 0) return;
  const normal = [(127 * (b.y - a.y)) / length, 0, (-127 * (b.x - a.x)) / length];
  const corners: [number, number, number][] = [
    [a.x, 0, a.y],
    [a.x, height, a.y],
    [b.x, height, b.y],
    [b.x, 0, b.y],
  ];
  for (const k of [0, 1, 2, 0, 2, 3]) addVertex(to, corners[k] ?? [0, 0, 0], normal, rgb);
}

function addVertex(to: Buffers, position: number[], normal: number[], rgb: number[]): void {
  to.positions.push(...position);
  to.normals.push(...normal);
  to.colors.push(...rgb);
}
