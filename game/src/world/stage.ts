/**
 * What the player's camera sees: city, streets, sky and actors, drawn into one canvas.
 *
 * The city repeats in both directions: each chunk is drawn at the repetition that lies nearest to the
 * camera, so that the town has no visible edge and nothing is drawn twice.
 */

import * as THREE from "three";

import type { Actor } from "../actors";
import { gamePoint, gameRotation } from "../axes";
import { ActorMeshes } from "./actor_meshes";
import { type BuildingEntry, CHUNK_M, cityMeshes } from "./city_mesh";
import { markMesh, roadMesh, type StreetEntry } from "./streets_mesh";

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
  /** Nothing farther away is drawn. */
  readonly farM?: number;
}

const EYE_M = 1.6;
const FOV_DEG = 75;
const FOG_PER_M = 0.004;

/** Scene, camera and renderer. */
export class Stage {
  readonly canvas: HTMLCanvasElement;
  private readonly renderer: THREE.WebGLRenderer;
  private readonly scene = new THREE.Scene();
  private readonly camera: THREE.PerspectiveCamera;
  private readonly actors = new ActorMeshes();
  private readonly chunks: THREE.Mesh[];
  private readonly tiled: (THREE.Mesh | THREE.InstancedMesh)[];
  private readonly farM: number;

  constructor(
    private readonly city: CityEntry,
    { canvas, widthPx, heightPx, farM = 700 }: StageOptions,
  ) {
    this.canvas = canvas;
    this.farM = farM;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
    this.renderer.setSize(widthPx, heightPx, false);
    this.camera = new THREE.PerspectiveCamera(FOV_DEG, widthPx / heightPx, 0.1, farM);
    this.chunks = cityMeshes(city.buildings);
    const ground = new THREE.Mesh(
      new THREE.PlaneGeometry(4 * city.tileWidth, 4 * city.tileDepth).rotateX(-Math.PI / 2),
      new THREE.MeshLambertMaterial({ color: city.map.color }),
    );
    this.tiled = [roadMesh(city.streets), markMesh(city.streets)];
    paint(ground, ...this.tiled);
    this.scene.add(ground, ...this.tiled, ...this.chunks, this.actors.group, ...lights());
    this.scene.background = new THREE.Color(city.map.skyColor);
    this.scene.fog = new THREE.FogExp2(city.map.skyColor, FOG_PER_M);
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
    this.wrap(x, z);
    this.actors.update(actors);
    this.renderer.render(this.scene, this.camera);
  }

  private wrap(x: number, z: number): void {
    const { tileWidth, tileDepth } = this.city;
    const reach = this.farM + CHUNK_M;
    for (const mesh of this.chunks) {
      const [centerX, centerZ] = mesh.userData["center"] as [number, number];
      const offsetX = Math.round((x - centerX) / tileWidth) * tileWidth;
      const offsetZ = Math.round((z - centerZ) / tileDepth) * tileDepth;
      mesh.visible = Math.abs(centerX + offsetX - x) < reach && Math.abs(centerZ + offsetZ - z) < reach;
      if (mesh.position.x === offsetX && mesh.position.z === offsetZ) continue;
      mesh.position.set(offsetX, 0, offsetZ);
      mesh.updateMatrix();
      mesh.matrixWorldNeedsUpdate = true;
    }
    for (const whole of this.tiled) {
      whole.position.set(Math.round(x / tileWidth) * tileWidth, 0, Math.round(z / tileDepth) * tileDepth);
    }
  }
}

/** Flat on the ground: drawn in this order before all else and without depth, which is too coarse for cm. */
function paint(...layers: (THREE.Mesh | THREE.InstancedMesh)[]): void {
  layers.forEach((mesh, order) => {
    mesh.renderOrder = order - layers.length;
    const material = mesh.material as THREE.Material;
    material.depthTest = false;
    material.depthWrite = false;
  });
}

function lights(): THREE.Light[] {
  const sun = new THREE.DirectionalLight(0xffffff, 1.6);
  sun.position.set(50, 100, 30);
  return [new THREE.HemisphereLight(0xffffff, 0x666666, 1.6), sun];
}
