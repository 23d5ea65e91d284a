/** Drawing, as far as it needs no GPU: light, fog, and the pieces of the repeating city. */

import * as THREE from "three";
import { describe, expect, test } from "vitest";

import { cityMeshes } from "../src/world/city_mesh";
import { FAR_M, FOG_PER_M, litColor, onScreen } from "../src/world/light";
import { Pieces, type WrappedMesh } from "../src/world/pieces";
import { streetMeshes } from "../src/world/streets_mesh";

const TILE = { widthM: 200, depthM: 200 };
const MATERIAL = new THREE.MeshBasicMaterial();
const STREET = { axis: "z", center: 0, width: 14, start: -100, end: 100, interrupts: [[-10, 10]] } as const;

function areaOf(mesh: THREE.Mesh): number {
  const place = mesh.geometry.getAttribute("position");
  const index = mesh.geometry.getIndex();
  const corner = (k: number): THREE.Vector3 => new THREE.Vector3().fromBufferAttribute(place, index?.getX(k) ?? 0);
  let area = 0;
  for (let k = 0; k < (index?.count ?? 0); k += 3) {
    area += new THREE.Triangle(corner(k), corner(k + 1), corner(k + 2)).getArea();
  }
  return area;
}

const areaOfAll = (meshes: readonly WrappedMesh[]): number => meshes.reduce((sum, mesh) => sum + areaOf(mesh), 0);

describe("light", () => {
  const grey = new THREE.Color(0x808080);

  test("a wall that faces the sun is brighter than one that turns its back", () => {
    expect(litColor(grey, [1, 0, 0])[0]).toBeGreaterThan(litColor(grey, [-1, 0, 0])[0]);
  });

  test("a face in full light gets Lambert's share of sun and sky, as the screen shows it", () => {
    const sunY = 100 / Math.hypot(50, 100, 30);
    const linear = (grey.r * (1.6 * sunY + 1.6)) / Math.PI;
    expect(litColor(grey, [0, 1, 0])[1]).toBeCloseTo(1.055 * linear ** (1 / 2.4) - 0.055, 4);
  });

  test("an unlit colour is shown as it was written", () => {
    expect(onScreen(new THREE.Color(0xdaa520)).map((part) => Math.round(255 * part))).toEqual([0xda, 0xa5, 0x20]);
  });

  test("where drawing ends, fog has left nothing that 8 bits could show", () => {
    expect(255 * Math.exp(-((FOG_PER_M * FAR_M) ** 2))).toBeLessThanOrEqual(0.5001);
  });
});

describe("pieces", () => {
  test("a rectangle over many pieces is cut, and no part is lost or laid twice", () => {
    const pieces = new Pieces(TILE);
    pieces.flat([-35, -100], [47, 100], 0, [1, 1, 1]);
    const meshes = pieces.meshes(MATERIAL);
    expect(meshes).toHaveLength(5 * 10);
    expect(areaOfAll(meshes)).toBeCloseTo(82 * 200, 3);
  });

  test("each piece is drawn at the repetition nearest to the camera, wherever that is", () => {
    const pieces = new Pieces(TILE);
    pieces.flat([-95, -95], [-85, -85], 0, [1, 1, 1]);
    const [mesh] = pieces.meshes(MATERIAL);
    for (const [x, z] of [[0, 0], [99, 99], [-301, 740], [5_000, -5_000]] as const) {
      mesh?.moveNear(x, z);
      expect(Math.abs((mesh?.position.x ?? NaN) - x)).toBeLessThanOrEqual(100);
      expect(Math.abs((mesh?.position.z ?? NaN) - z)).toBeLessThanOrEqual(100);
      expect(((mesh?.position.x ?? NaN) + 90) / 200 % 1).toBeCloseTo(0, 9);
    }
  });

  test("a road and its marks lie whole in their pieces, the marks interrupted at crossings", () => {
    const edges = 2 * 180 * 0.15;
    const dashes = 2 * 15 * 3 * 0.3;
    expect(areaOfAll(streetMeshes([STREET], TILE, MATERIAL))).toBeCloseTo(200 * 14 + edges + dashes, 2);
  });

  test("a house has walls around and a roof, all facing outwards", () => {
    const house = { vertices: [[2, 2], [12, 2], [12, 9], [2, 9], [2, 2]], height: 20, color: "#808080" } as const;
    const [mesh] = cityMeshes([house], TILE, MATERIAL);
    expect(areaOf(mesh!)).toBeCloseTo(20 * 34 + 70, 3);
    mesh!.geometry.computeVertexNormals();
    const place = mesh!.geometry.getAttribute("position");
    const normal = mesh!.geometry.getAttribute("normal");
    for (let k = 0; k < place.count; k++) {
      const outwards = new THREE.Vector3(place.getX(k) - (7 - 10), place.getY(k) - 10, place.getZ(k) - (5.5 - 10));
      expect(outwards.dot(new THREE.Vector3().fromBufferAttribute(normal, k))).toBeGreaterThan(0);
    }
  });
});
