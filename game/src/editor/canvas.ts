/** The map's canvas: sized to its box, drawn at most once per frame. */

import { THEME } from "./colours";
import { type CityDrawing, drawCity } from "./draw_city";
import { drawScenario } from "./draw_scenario";
import { MAP_FONT } from "./pen";
import type { EditorState } from "./state";

const SCALE_LENGTHS_M = [1, 2, 5, 10, 20, 50, 100, 200, 500] as const;
const SCALE_PX = 90;

export class MapCanvas {
  city: CityDrawing | null = null;
  private asked = false;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly state: EditorState,
    resized: () => void,
  ) {
    new ResizeObserver(() => {
      this.fitBox();
      resized();
      this.ask();
    }).observe(canvas);
    this.fitBox();
  }

  /** Draw soon. */
  ask(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.draw());
  }

  private fitBox(): void {
    const { clientWidth: widthPx, clientHeight: heightPx } = this.canvas;
    this.state.size = { widthPx, heightPx };
    this.canvas.width = Math.round(widthPx * devicePixelRatio);
    this.canvas.height = Math.round(heightPx * devicePixelRatio);
  }

  private draw(): void {
    this.asked = false;
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    const { view, size } = this.state;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.fillStyle = THEME.ground;
    context.fillRect(0, 0, size.widthPx, size.heightPx);
    if (this.city !== null) drawCity(context, this.city, view, size);
    drawScenario(context, this.state);
    drawScale(context, this.state);
  }
}

/** A round length at the bottom right, and where north is. */
function drawScale(context: CanvasRenderingContext2D, { view, size }: EditorState): void {
  const lengthM = SCALE_LENGTHS_M.findLast((each) => each * view.pxPerM <= SCALE_PX) ?? 1;
  const [right, base] = [size.widthPx - 18, size.heightPx - 18];
  context.setLineDash([]);
  context.strokeStyle = THEME.dim;
  context.fillStyle = THEME.dim;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(right - lengthM * view.pxPerM, base);
  context.lineTo(right, base);
  context.stroke();
  context.textAlign = "right";
  context.font = MAP_FONT;
  context.fillText(`${lengthM} m · north up`, right, base - 8);
}
