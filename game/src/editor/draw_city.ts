/** The backdrop: streets and buildings, drawn in the game's metres with paths made once per tile. */

import { type CityPlan, TILE_M } from "./city_plan";
import { THEME } from "./colours";
import { type Size, toGame, type View } from "./view";

/** What is drawn of a city; buildings may reach this far out of their tile. */
const OVERHANG_M = 60;

export interface CityDrawing {
  readonly streets: Path2D;
  readonly middles: Path2D;
  readonly tiles: readonly { readonly x: number; readonly z: number; readonly path: Path2D }[];
}

export function cityDrawing({ streets, tiles }: CityPlan): CityDrawing {
  const drawing = { streets: new Path2D(), middles: new Path2D() };
  for (const { x, z, width, depth, middle } of streets) {
    drawing.streets.rect(x, z, width, depth);
    drawing.middles.moveTo(...middle[0]);
    drawing.middles.lineTo(...middle[1]);
  }
  return { ...drawing, tiles: tiles.map(({ x, z, rings }) => ({ x, z, path: ringsPath(rings) })) };
}

function ringsPath(rings: readonly (readonly (readonly [number, number])[])[]): Path2D {
  const path = new Path2D();
  for (const ring of rings) {
    ring.forEach((place, k) => (k === 0 ? path.moveTo(...place) : path.lineTo(...place)));
    path.closePath();
  }
  return path;
}

/** Draw what is in view; leaves the context's transform as it was. */
export function drawCity(context: CanvasRenderingContext2D, city: CityDrawing, view: View, size: Size): void {
  const [low, high] = [toGame(view, size, [0, 0]), toGame(view, size, [size.widthPx, size.heightPx])];
  context.save();
  context.translate(size.widthPx / 2, size.heightPx / 2);
  context.scale(view.pxPerM, view.pxPerM);
  context.translate(-view.x, -view.z);
  context.fillStyle = THEME.street;
  context.fill(city.streets);
  context.lineWidth = 1 / view.pxPerM;
  context.strokeStyle = THEME.middle;
  context.setLineDash([3, 3]);
  if (view.pxPerM > 0.8) context.stroke(city.middles);
  context.setLineDash([]);
  context.fillStyle = THEME.building;
  context.strokeStyle = THEME.wall;
  for (const { x, z, path } of city.tiles) {
    const [edgeX, edgeZ] = [x + TILE_M + OVERHANG_M, z + TILE_M + OVERHANG_M];
    if (x - OVERHANG_M > high[0] || edgeX < low[0] || z - OVERHANG_M > high[1] || edgeZ < low[1]) continue;
    context.fill(path);
    context.stroke(path);
  }
  context.restore();
}
