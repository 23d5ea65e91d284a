/**
 * What the player's camera sees: city, streets, sky and actors, drawn into one canvas.
 *
 * The city repeats in both directions: each piece is drawn at the repetition that lies nearest to the
 * camera, so that the town has no visible edge and nothing is drawn twice.
 */

import * as THREE from "three";

import type { Actor } from "../actors";
import { gamePoint, gameRotation } from "../axes";
import { ActorMeshes } from "./actor_meshes";
import { type BuildingEntry, cityMeshes } from "./city_mesh";
import { FAR_M, litColor } from "./light";
import { bakedMaterial, litMaterial } from "./materials";
import { Faces, type WrappedMesh } from "./pieces";
import { type StreetEntry, streetMeshes } from "./streets_mesh";

/** `city.json`, as far as drawing needs it; the file was checked when it was built. */
export interface CityEntry {
  readonly map: { readonly color: string; readonly skyColor: string };
  readonly tileWidth: number;
  readonly tileDepth: number;
  readonly buildings: readonly BuildingEntry[];
  readonly streets: readonly StreetEntry[];
}

export interface StageOptions {
  readonly canvas: HTMLCanvasElement;
  readonly widthPx: number;
  readonly heightPx: number;
}

const EYE_M = 1.6;
const FOV_DEG = 75;
const NEAR_M = 0.1;

/** Scene, camera and renderer. */
export class Stage {
  readonly canvas: HTMLCanvasElement;
  private readonly renderer: THREE.WebGLRenderer;
  private readonly scene = new THREE.Scene();
  private readonly camera: THREE.PerspectiveCamera;
  private readonly actors: ActorMeshes;
  private readonly ground: THREE.Mesh;
  private readonly wrapped: readonly WrappedMesh[];

  constructor(city: CityEntry, { canvas, widthPx, heightPx }: StageOptions) {
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, powerPreference: "high-performance" });
    this.renderer.setSize(widthPx, heightPx, false);
    this.camera = new THREE.PerspectiveCamera(FOV_DEG, widthPx / heightPx, NEAR_M, FAR_M);
    const { skyColor } = city.map;
    const tile = { widthM: city.tileWidth, depthM: city.tileDepth };
    this.ground = groundMesh(city.map.color, underfoot(skyColor));
    const streets = streetMeshes(city.streets, tile, underfoot(skyColor));
    paintInTurn([this.ground], streets);
    this.wrapped = [...streets, ...cityMeshes(city.buildings, tile, bakedMaterial(skyColor))];
    this.actors = new ActorMeshes(litMaterial(skyColor));
    this.scene.add(this.ground, ...this.wrapped, this.actors.group);
    this.scene.background = new THREE.Color(skyColor);
  }

  /** Draw calls and triangles of the last picture. */
  get cost(): { readonly calls: number; readonly triangles: number } {
    return { calls: this.renderer.info.render.calls, triangles: this.renderer.info.render.triangles };
  }

  /** Which driver draws. */
  get driver(): string {
    const gl = this.renderer.getContext();
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    return String(gl.getParameter(info === null ? gl.RENDERER : info.UNMASKED_RENDERER_WEBGL));
  }

  /** Draw the world from a car's seat. */
  draw(xM: number, yM: number, yawRad: number, actors: readonly Actor[]): void {
    const [x, z] = gamePoint(xM, yM);
    this.camera.position.set(x, EYE_M, z);
    this.camera.rotation.set(0, gameRotation(yawRad), 0);
    this.ground.position.set(x, 0, z);
    for (const mesh of this.wrapped) mesh.moveNear(x, z);
    this.actors.update(actors);
    this.renderer.render(this.scene, this.camera);
  }
}

/** As far as the eye sees, in whatever direction; it goes with the camera. */
function groundMesh(color: string, material: THREE.Material): THREE.Mesh {
  const faces = new Faces();
  const r = 2 * FAR_M;
  const shade = litColor(new THREE.Color(color), [0, 1, 0]);
  faces.quad([[-r, 0, -r], [-r, 0, r], [r, 0, r], [r, 0, -r]], shade);
  return new THREE.Mesh(faces.geometry(0, 0), material);
}

/** Flat on the ground: without depth, which is too coarse for centimetres. */
function underfoot(skyColor: string): THREE.Material {
  const material = bakedMaterial(skyColor);
  material.depthTest = false;
  material.depthWrite = false;
  return material;
}

/** Layers, the lowest first, before all that stands. */
function paintInTurn(...layers: (readonly THREE.Mesh[])[]): void {
  layers.forEach((meshes, order) => {
    for (const mesh of meshes) mesh.renderOrder = order - layers.length;
  });
}
