/** Staged entities as meshes: one per actor, made once and moved every frame. */

import * as THREE from "three";

import type { Actor, ActorKind } from "../actors";
import { gamePoint, gameRotation } from "../axes";

type Box = readonly [x: number, y: number, z: number, width: number, height: number, depth: number, shade: number];

/** Boxes in a unit cube standing on the ground, depth along -z (forward); `shade` darkens the body colour. */
const SHAPES: Record<ActorKind, readonly Box[]> = {
  vehicle: [
    [0, 0.3, 0, 1, 0.45, 1, 1],
    [0, 0.75, 0.06, 0.84, 0.45, 0.52, 0.35],
    [0, 0.12, -0.32, 1.02, 0.24, 0.16, 0.12],
    [0, 0.12, 0.32, 1.02, 0.24, 0.16, 0.12],
  ],
  pedestrian: [
    [0, 0.25, 0, 0.5, 0.5, 0.5, 0.4],
    [0, 0.65, 0, 0.9, 0.35, 0.7, 1],
    [0, 0.92, 0, 0.45, 0.16, 0.55, 0.8],
  ],
  emergency_worker: [
    [0, 0.25, 0, 0.5, 0.5, 0.5, 0.4],
    [0, 0.65, 0, 0.9, 0.35, 0.7, 1],
    [0, 0.92, 0, 0.55, 0.16, 0.65, 1.2],
  ],
  bicycle: [
    [0, 0.25, -0.3, 0.2, 0.5, 0.35, 0.15],
    [0, 0.25, 0.3, 0.2, 0.5, 0.35, 0.15],
    [0, 0.7, 0.05, 0.7, 0.6, 0.3, 1],
  ],
  obstacle: [[0, 0.5, 0, 1, 1, 1, 1]],
};

/** Meshes of the actors that are there now. */
export class ActorMeshes {
  readonly group = new THREE.Group();
  private readonly meshes = new Map<string, THREE.Mesh>();

  /** @param material - One for all; it reads `tint` and `normal`. */
  constructor(private readonly material: THREE.Material) {}

  /** Show these actors and no others. */
  update(actors: readonly Actor[]): void {
    const present = new Set<string>();
    for (const actor of actors) {
      const id = `${actor.actorId}/${actor.name}`;
      present.add(id);
      const mesh = this.meshes.get(id) ?? this.make(id, actor);
      const [x, z] = gamePoint(actor.xM, actor.yM);
      mesh.position.set(x, 0, z);
      mesh.rotation.y = gameRotation(actor.yawRad);
    }
    for (const [id, mesh] of this.meshes) {
      if (present.has(id)) continue;
      this.group.remove(mesh);
      mesh.geometry.dispose();
      this.meshes.delete(id);
    }
  }

  private make(id: string, actor: Actor): THREE.Mesh {
    const mesh = new THREE.Mesh(shapeOf(actor), this.material);
    this.meshes.set(id, mesh);
    this.group.add(mesh);
    return mesh;
  }
}

function shapeOf({ kind, widthM, heightM, lengthM, rgb }: Actor): THREE.BufferGeometry {
  const positions: number[] = [];
  const normals: number[] = [];
  const tints: number[] = [];
  for (const [x, y, z, width, height, depth, shade] of SHAPES[kind]) {
    const box = new THREE.BoxGeometry(width * widthM, height * heightM, depth * lengthM).toNonIndexed();
    box.translate(x * widthM, y * heightM, z * lengthM);
    positions.push(...box.getAttribute("position").array);
    normals.push(...box.getAttribute("normal").array);
    const [red, green, blue] = rgb.map((part) => Math.min(255, part * shade) / 255);
    const { r, g, b } = new THREE.Color().setRGB(red ?? 0, green ?? 0, blue ?? 0, THREE.SRGBColorSpace);
    for (let k = 0; k < box.getAttribute("position").count; k++) tints.push(r, g, b);
  }
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.Float32BufferAttribute(positions, 3));
  geometry.setAttribute("normal", new THREE.Float32BufferAttribute(normals, 3));
  geometry.setAttribute("tint", new THREE.Float32BufferAttribute(tints, 3));
  return geometry;
}
