/** Roads as one merged mesh, and their marks as instances of one small plane. */

import * as THREE from "three";

/** A street as `city.json` has it. */
export interface StreetEntry {
  readonly axis: "x" | "z";
  readonly center: number;
  readonly width: number;
  readonly start: number;
  readonly end: number;
  readonly interrupts: readonly (readonly [number, number])[];
}

const ROAD_Y_M = 0.02;
const MARK_Y_M = 0.03;
const DASH_M = 3;
const PERIOD_M = 6;
const DASH_WIDTH_M = 0.3;
const EDGE_WIDTH_M = 0.15;
const EDGE_INSET_M = 0.3;

interface Mark {
  readonly along: number;
  readonly across: number;
  readonly length: number;
  readonly width: number;
  readonly street: StreetEntry;
  readonly color: number;
}

/** The roads' surface. */
export function roadMesh(streets: readonly StreetEntry[]): THREE.Mesh {
  const positions: number[] = [];
  for (const { axis, center, width, start, end } of streets) {
    const [low, high] = [center - width / 2, center + width / 2];
    const [x0, x1, z0, z1] = axis === "z" ? [low, high, start, end] : [start, end, low, high];
    const y = axis === "z" ? ROAD_Y_M : ROAD_Y_M + 0.005;
    positions.push(x0, y, z0, x0, y, z1, x1, y, z1, x0, y, z0, x1, y, z1, x1, y, z0);
  }
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.Float32BufferAttribute(positions, 3));
  geometry.setAttribute("normal", new THREE.Float32BufferAttribute(positions.map((_, k) => Number(k % 3 === 1)), 3));
  return new THREE.Mesh(geometry, new THREE.MeshLambertMaterial({ color: 0x2a2a2a }));
}

/** Centre dashes and edge lines, interrupted at crossings. */
export function markMesh(streets: readonly StreetEntry[]): THREE.InstancedMesh {
  const marks = streets.flatMap((street) => [...dashes(street), ...edges(street)]);
  const plane = new THREE.PlaneGeometry(1, 1).rotateX(-Math.PI / 2);
  const mesh = new THREE.InstancedMesh(plane, new THREE.MeshBasicMaterial(), marks.length);
  const place = new THREE.Object3D();
  const color = new THREE.Color();
  marks.forEach(({ along, across, length, width, street, color: hex }, number) => {
    const lengthwise = street.axis === "z";
    place.position.set(lengthwise ? across : along, MARK_Y_M, lengthwise ? along : across);
    place.scale.set(lengthwise ? width : length, 1, lengthwise ? length : width);
    place.updateMatrix();
    mesh.setMatrixAt(number, place.matrix);
    mesh.setColorAt(number, color.set(hex));
  });
  mesh.frustumCulled = false;
  return mesh;
}

/** The stretches between crossings. */
function stretches({ start, end, interrupts }: StreetEntry): [from: number, to: number][] {
  const found: [number, number][] = [];
  let from = start;
  for (const [low, high] of interrupts) {
    if (low > from) found.push([from, low]);
    from = Math.max(from, high);
  }
  if (from < end) found.push([from, end]);
  return found;
}

function dashes(street: StreetEntry): Mark[] {
  return stretches(street).flatMap(([from, to]) => {
    const count = Math.floor((to - from) / PERIOD_M);
    return Array.from({ length: count }, (_, k) => ({
      along: from + (k + 0.5) * PERIOD_M,
      across: street.center,
      length: DASH_M,
      width: DASH_WIDTH_M,
      street,
      color: 0xdaa520,
    }));
  });
}

function edges(street: StreetEntry): Mark[] {
  const aside = street.width / 2 - EDGE_INSET_M;
  return stretches(street).flatMap(([from, to]) =>
    [-aside, aside].map((offset) => ({
      along: (from + to) / 2,
      across: street.center + offset,
      length: to - from,
      width: EDGE_WIDTH_M,
      street,
      color: 0xcccccc,
    })),
  );
}
