/**
 * The city cut into square pieces, each one mesh, drawn at its repetition nearest to the camera.
 *
 * The town is a tile that repeats in both directions. Ten pieces a side lie between one mesh per house
 * (5,247 draw calls) and one mesh for all (nothing out of sight is left out); about 30 are in sight.
 */

import * as THREE from "three";

import type { Rgb } from "./light";

const PER_SIDE = 10;

/** Size of the repeating tile, metres. */
export interface Tile {
  readonly widthM: number;
  readonly depthM: number;
}

export type Corner = readonly [x: number, y: number, z: number];

/** Faces of one colour each, gathered for one mesh. */
export class Faces {
  private readonly positions: number[] = [];
  private readonly tints: number[] = [];
  private readonly indices: number[] = [];

  /** Four corners, counter-clockwise seen from outside; the colour as `tint` is meant, 0 to 1. */
  quad(corners: readonly [Corner, Corner, Corner, Corner], color: Rgb): void {
    this.polygon(corners, [[0, 1, 2], [0, 2, 3]], color);
  }

  /** Corners, and triangles of their numbers. */
  polygon(corners: readonly Corner[], triangles: readonly (readonly number[])[], color: Rgb): void {
    const first = this.positions.length / 3;
    for (const corner of corners) {
      this.positions.push(...corner);
      this.tints.push(...color.map((part) => Math.round(255 * part)), 255);
    }
    for (const triangle of triangles) this.indices.push(...triangle.map((corner) => first + corner));
  }

  /** The faces around a new origin. */
  geometry(originX: number, originZ: number): THREE.BufferGeometry {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.Float32BufferAttribute(this.positions, 3));
    geometry.setAttribute("tint", new THREE.Uint8BufferAttribute(this.tints, 4, true));
    geometry.setIndex(this.indices);
    geometry.translate(-originX, 0, -originZ);
    geometry.computeBoundingSphere();
    return geometry;
  }
}

/** Faces by the piece in which they lie. */
export class Pieces {
  private readonly faces = new Map<string, { faces: Faces; x: number; z: number }>();
  private readonly sideX: number;
  private readonly sideZ: number;

  constructor(private readonly tile: Tile) {
    this.sideX = tile.widthM / PER_SIDE;
    this.sideZ = tile.depthM / PER_SIDE;
  }

  /** Where the faces at a place are gathered. */
  at(x: number, z: number): Faces {
    const column = Math.floor(x / this.sideX);
    const row = Math.floor(z / this.sideZ);
    const name = `${column}/${row}`;
    let found = this.faces.get(name);
    if (found === undefined) {
      // An origin amid its faces: pieces are drawn from near to far by it.
      found = { faces: new Faces(), x: (column + 0.5) * this.sideX, z: (row + 0.5) * this.sideZ };
      this.faces.set(name, found);
    }
    return found.faces;
  }

  /** A rectangle on the ground, cut along the pieces' borders. */
  flat(low: readonly [x: number, z: number], high: readonly [x: number, z: number], y: number, color: Rgb): void {
    for (const [x0, x1] of cuts(low[0], high[0], this.sideX)) {
      for (const [z0, z1] of cuts(low[1], high[1], this.sideZ)) {
        const corners = [[x0, y, z0], [x0, y, z1], [x1, y, z1], [x1, y, z0]] as const;
        this.at((x0 + x1) / 2, (z0 + z1) / 2).quad(corners, color);
      }
    }
  }

  /** One mesh per piece. */
  meshes(material: THREE.Material): WrappedMesh[] {
    return [...this.faces.values()].map(({ faces, x, z }) => {
      return new WrappedMesh(faces.geometry(x, z), material, { x, z, tile: this.tile });
    });
  }
}

/** A piece's mesh. */
export class WrappedMesh extends THREE.Mesh {
  private readonly home: { readonly x: number; readonly z: number; readonly tile: Tile };

  constructor(geometry: THREE.BufferGeometry, material: THREE.Material, home: { x: number; z: number; tile: Tile }) {
    super(geometry, material);
    this.home = home;
    this.matrixAutoUpdate = false;
    this.moveNear(0, 0);
    this.updateMatrix();
  }

  /** Take the place nearest to a camera. */
  moveNear(x: number, z: number): void {
    const { tile, ...home } = this.home;
    const nearX = home.x + Math.round((x - home.x) / tile.widthM) * tile.widthM;
    const nearZ = home.z + Math.round((z - home.z) / tile.depthM) * tile.depthM;
    if (this.position.x === nearX && this.position.z === nearZ) return;
    this.position.set(nearX, 0, nearZ);
    this.updateMatrix();
    this.matrixWorldNeedsUpdate = true;
  }
}

/** An interval, cut at the multiples of `side`. */
function cuts(low: number, high: number, side: number): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (let cell = Math.floor(low / side); cell * side < high; cell++) {
    const [from, to] = [Math.max(low, cell * side), Math.min(high, (cell + 1) * side)];
    if (from < to) found.push([from, to]);
  }
  return found;
}
