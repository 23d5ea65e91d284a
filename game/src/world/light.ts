/**
 * Sun, sky and fog. They stand still, so the light on a face that stands still is worked out once.
 *
 * Lambert's law under a directional sun and a hemisphere of sky, in linear light, as three.js has it
 * (divided by pi). What is kept is the colour on the screen (sRGB): the fragment shader has only fog to
 * add. Light per fragment cost half of a picture's time without a GPU (benchmarks/game.py).
 */

import * as THREE from "three";

export type Rgb = readonly [red: number, green: number, blue: number];
type Vector = readonly [x: number, y: number, z: number];

/** Share of light that fog leaves over `d` metres: `exp(-(FOG_PER_M * d)^2)`. */
export const FOG_PER_M = 0.004;
/** From here on a white wall in fog is the sky, to within half a step of 255. */
export const FAR_M = Math.sqrt(Math.log(2 * 255)) / FOG_PER_M;

const SUN_TOWARDS = new THREE.Vector3(50, 100, 30).normalize();
const SUN = 1.6;
const SKY = 1.6;
/** What the ground sends back of the sky's light: the linear value of #666666. */
const BOUNCE = new THREE.Color(0x666666).r;

/** The colour on the screen, 0 to 1, of a face of this colour. */
export function litColor(color: THREE.Color, [x, y, z]: Vector): Rgb {
  const sun = SUN * Math.max(0, x * SUN_TOWARDS.x + y * SUN_TOWARDS.y + z * SUN_TOWARDS.z);
  const sky = SKY * (BOUNCE + (1 - BOUNCE) * (0.5 + 0.5 * y));
  return onScreen(color.clone().multiplyScalar((sun + sky) / Math.PI));
}

/** A colour as the screen wants it, sRGB from 0 to 1. */
export function onScreen(color: THREE.Color): Rgb {
  const { r, g, b } = color.clone().convertLinearToSRGB();
  return [Math.min(1, r), Math.min(1, g), Math.min(1, b)];
}

/** `litColor` for the vertex shader, for what turns: `vec3 litColor(vec3 linearColor, vec3 worldNormal)`. */
export const LIT_COLOR_GLSL = `
vec3 litColor(vec3 color, vec3 normal) {
  float sun = ${glsl(SUN)} * max(0.0, dot(normal, vec3(${SUN_TOWARDS.toArray().map(glsl).join(", ")})));
  float sky = ${glsl(SKY)} * mix(${glsl(BOUNCE)}, 1.0, 0.5 + 0.5 * normal.y);
  vec3 light = color * (sun + sky) / ${glsl(Math.PI)};
  vec3 bright = 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055;
  return min(vec3(1.0), mix(bright, 12.92 * light, vec3(lessThanEqual(light, vec3(0.0031308)))));
}`;

function glsl(value: number): string {
  return value.toFixed(8);
}
