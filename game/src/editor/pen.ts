/** Drawing on the map in the game's places; widths and marks in pixels, whatever the zoom. */

import type { Place } from "../scenario/model";
import { THEME } from "./colours";
import { type Size, toScreen, type View } from "./view";

export interface Stroke {
  readonly line: string;
  readonly widthPx?: number;
  readonly dash?: readonly number[];
  readonly fill?: string;
}

/** The canvas's words. */
export const MAP_FONT = "12px ui-monospace, 'DejaVu Sans Mono', monospace";

const LEAST_BOX_PX = 5;

export interface Pen {
  way(places: readonly Place[], style: Stroke): void;
  circle(middle: Place, radiusM: number, style: Stroke): void;
  rectangle(low: Place, high: Place, style: Stroke): void;
  /** A box seen from above; its front edge is marked. */
  box(middle: Place, rotation: number, lengthM: number, widthM: number, style: Stroke): void;
  dot(place: Place, radiusPx: number, style: Stroke): void;
  /** The end of a way: a cross where the entity is removed there, else a square. */
  end(place: Place, line: string, leaves: boolean): void;
  arrow(from: Place, to: Place, line: string): void;
  /** Words beside a place, or above a circle around it. */
  label(place: Place, words: string, colour: string, radiusM?: number): void;
}

/** A pen for one frame. */
export function penOf(context: CanvasRenderingContext2D, view: View, size: Size): Pen {
  const at = (place: Place): readonly [number, number] => toScreen(view, size, place);
  const finish = ({ line, widthPx = 1.5, dash = [], fill }: Stroke): void => {
    if (fill !== undefined) {
      context.fillStyle = fill;
      context.fill();
    }
    context.strokeStyle = line;
    context.lineWidth = widthPx;
    context.setLineDash([...dash]);
    context.stroke();
  };
  const trace = (points: readonly (readonly [number, number])[]): void => {
    context.beginPath();
    points.forEach(([x, y], k) => (k === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  };
  return {
    way(places, style) {
      trace(places.map(at));
      finish(style);
    },
    circle(middle, radiusM, style) {
      context.beginPath();
      context.arc(...at(middle), radiusM * view.pxPerM, 0, 2 * Math.PI);
      finish(style);
    },
    rectangle(low, high, style) {
      trace([low, [high[0], low[1]] as const, high, [low[0], high[1]] as const].map(at));
      context.closePath();
      finish(style);
    },
    box(middle, rotation, lengthM, widthM, style) {
      const half = Math.max(lengthM * view.pxPerM, LEAST_BOX_PX) / 2;
      const side = Math.max(widthM * view.pxPerM, LEAST_BOX_PX) / 2;
      context.save();
      context.translate(...at(middle));
      context.rotate(-rotation);
      trace([[-side, -half], [side, -half], [side, half], [-side, half]]);
      context.closePath();
      finish(style);
      trace([[-side, -half * 0.45], [0, -half * 0.8], [side, -half * 0.45]]);
      if (half > 7) finish({ ...style, fill: "transparent" });
      context.restore();
    },
    dot(place, radiusPx, style) {
      context.beginPath();
      context.arc(...at(place), radiusPx, 0, 2 * Math.PI);
      finish(style);
    },
    end(place, line, leaves) {
      const [x, y] = at(place);
      if (!leaves) {
        context.fillStyle = line;
        context.fillRect(x - 4, y - 4, 8, 8);
        return;
      }
      trace([[x - 4, y - 4], [x + 4, y + 4]]);
      finish({ line, widthPx: 2 });
      trace([[x - 4, y + 4], [x + 4, y - 4]]);
      finish({ line, widthPx: 2 });
    },
    arrow(from, to, line) {
      const [[ax, ay], [bx, by]] = [at(from), at(to)];
      const angle = Math.atan2(by - ay, bx - ax);
      const barb = (turn: number): readonly [number, number] => [bx - 10 * Math.cos(angle + turn), by - 10 * Math.sin(angle + turn)];
      trace([[ax, ay], [bx, by]]);
      finish({ line, widthPx: 2 });
      trace([barb(0.45), [bx, by], barb(-0.45)]);
      finish({ line, widthPx: 2 });
    },
    label(place, words, colour, radiusM = 0) {
      const [x, y] = at(place);
      const [left, base] = radiusM > 0 ? [x, y - radiusM * view.pxPerM - 7] : [x + 11, y - 9];
      context.font = MAP_FONT;
      context.textAlign = radiusM > 0 ? "center" : "left";
      context.setLineDash([]);
      context.lineWidth = 4;
      context.strokeStyle = THEME.ground;
      context.strokeText(words, left, base);
      context.fillStyle = colour;
      context.fillText(words, left, base);
    },
  };
}
