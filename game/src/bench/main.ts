/**
 * Frames per second of the full city, ours and drawn the reference's way, in turns in one page.
 *
 * The reference (lolismek/scale-diffusion, GameCanvas.jsx) has one mesh with a standard material per
 * building and per dash. It is written anew here to be measured, and is in no build but this one.
 * `window.measure(kind, seconds)` draws for a while along a street and answers with what it saw.
 */

import * as THREE from "three";

import { readWorld } from "../assets";
import type { BuildingEntry } from "../world/city_mesh";
import { type CityEntry, Stage } from "../world/stage";
import type { StreetEntry } from "../world/streets_mesh";

export interface Measured {
  readonly fps: number;
  readonly calls: number;
  readonly triangles: number;
  readonly driver: string;
}

const START_X = -229.41;
const START_Z = -533;
const SPEED_MPS = 12;

interface Drawer {
  draw(x: number, z: number): void;
  readonly cost: { readonly calls: number; readonly triangles: number };
  readonly driver: string;
}

function canvas(): HTMLCanvasElement {
  return document.body.appendChild(document.createElement("canvas"));
}

function ours(city: CityEntry, widthPx: number, heightPx: number): Drawer {
  const stage = new Stage(city, { canvas: canvas(), widthPx, heightPx });
  return {
    draw: (x, z) => stage.draw(-z, x, -Math.PI, []),
    get cost() {
      return stage.cost;
    },
    driver: stage.driver,
  };
}

/** One mesh per building and dash, standard material, everything always there. */
function reference(city: CityEntry, widthPx: number, heightPx: number): Drawer {
  const renderer = new THREE.WebGLRenderer({ canvas: canvas(), antialias: true });
  renderer.setSize(widthPx, heightPx, false);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(0x87ceeb);
  scene.fog = new THREE.FogExp2(0x87ceeb, 0.002);
  const sun = new THREE.DirectionalLight(0xffffff, 1);
  sun.position.set(50, 100, 50);
  scene.add(new THREE.HemisphereLight(0xffffff, 0x444444, 0.8), sun);
  const ground = new THREE.PlaneGeometry(5_000, 5_000).rotateX(-Math.PI / 2);
  scene.add(new THREE.Mesh(ground, new THREE.MeshStandardMaterial({ color: 0x333333 })));
  city.buildings.forEach((building) => scene.add(extruded(building)));
  city.streets.forEach((street) => scene.add(...dashes(street)));
  const camera = new THREE.PerspectiveCamera(75, widthPx / heightPx, 0.1, 2_000);
  camera.rotation.y = Math.PI;
  return {
    draw: (x, z) => {
      camera.position.set(x, 1.6, z);
      renderer.render(scene, camera);
    },
    get cost() {
      return { calls: renderer.info.render.calls, triangles: renderer.info.render.triangles };
    },
    driver: "",
  };
}

function extruded({ vertices, height, color }: BuildingEntry): THREE.Mesh {
  const shape = new THREE.Shape(vertices.map(([x, z]) => new THREE.Vector2(x, -z)));
  const geometry = new THREE.ExtrudeGeometry(shape, { depth: height, bevelEnabled: false }).rotateX(-Math.PI / 2);
  return new THREE.Mesh(geometry, new THREE.MeshStandardMaterial({ color }));
}

function dashes({ axis, center, start, end }: StreetEntry): THREE.Mesh[] {
  return Array.from({ length: Math.floor((end - start) / 5) }, (_, k) => {
    const plane = new THREE.PlaneGeometry(0.3, 3).rotateX(-Math.PI / 2);
    const mesh = new THREE.Mesh(plane, new THREE.MeshStandardMaterial({ color: 0xffff00 }));
    if (axis === "z") mesh.position.set(center, 0.03, start + 5 * k);
    else mesh.position.set(start + 5 * k, 0.03, center);
    return mesh;
  });
}

async function measure(drawer: Drawer, seconds: number): Promise<Measured> {
  const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
  drawer.draw(START_X, START_Z);
  const beganMs = await frame();
  let frames = 0;
  let nowMs = beganMs;
  while (nowMs - beganMs < seconds * 1_000) {
    drawer.draw(START_X, START_Z + ((nowMs - beganMs) / 1_000) * SPEED_MPS);
    frames += 1;
    nowMs = await frame();
  }
  return { fps: (frames * 1_000) / (nowMs - beganMs), ...drawer.cost, driver: drawer.driver };
}

declare global {
  interface Window {
    measure?: (kind: "ours" | "reference", seconds: number) => Promise<Measured>;
  }
}

const [width, height] = (new URLSearchParams(location.search).get("size") ?? "640x360").split("x").map(Number);
const { city } = await readWorld();
const drawers = {
  ours: ours(city as CityEntry, width ?? 640, height ?? 360),
  reference: reference(city as CityEntry, width ?? 640, height ?? 360),
};
window.measure = (kind, seconds) => measure(drawers[kind], seconds);
