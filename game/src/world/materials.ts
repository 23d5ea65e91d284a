/** The two ways in which everything is drawn: colours from the vertices, fog by the fragment. */

import * as THREE from "three";

import { FOG_PER_M, LIT_COLOR_GLSL, onScreen } from "./light";

/** For what stands still: `tint` is the colour on the screen, light included. */
export function bakedMaterial(skyColor: string): THREE.ShaderMaterial {
  return foggy(skyColor, { attributes: "attribute vec4 tint;", shade: "tint.rgb" });
}

/** For what moves: `tint` is the linear colour, lit by the vertex. */
export function litMaterial(skyColor: string): THREE.ShaderMaterial {
  return foggy(skyColor, {
    attributes: `attribute vec4 tint; ${LIT_COLOR_GLSL}`,
    shade: "litColor(tint.rgb, normalize(mat3(modelMatrix) * normal))",
  });
}

function foggy(skyColor: string, { attributes, shade }: { attributes: string; shade: string }): THREE.ShaderMaterial {
  return new THREE.ShaderMaterial({
    uniforms: { sky: { value: onScreen(new THREE.Color(skyColor)) } },
    vertexShader: `
      ${attributes}
      varying vec3 shade;
      varying float away;
      void main() {
        vec4 place = modelViewMatrix * vec4(position, 1.0);
        shade = ${shade};
        away = ${FOG_PER_M.toFixed(8)} * place.z;
        gl_Position = projectionMatrix * place;
      }`,
    fragmentShader: `
      uniform vec3 sky;
      varying vec3 shade;
      varying float away;
      void main() {
        gl_FragColor = vec4(mix(sky, shade, exp(-away * away)), 1.0);
      }`,
  });
}
