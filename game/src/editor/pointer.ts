/** The mouse on the map: drag points, pan, zoom, select. */

import { gamePoint } from "../axes";
import type { Place } from "../scenario/model";
import { moved } from "./edits";
import { type Handle, handlesOf, handleUnder } from "./handles";
import { listAt, textAt } from "./json";
import { entityUnder } from "./lines";
import type { EditorState } from "./state";
import { type ScreenPoint, toGame, toScreen, panned, zoomed } from "./view";

const CLICK_PX = 4;
const TEST_POINT_PX = 12;
const ZOOM_PER_PX = 0.0015;

/** What a pressed button is doing. */
type Drag =
  | { readonly kind: "pan"; readonly from: ScreenPoint }
  | { readonly kind: "test" }
  | { readonly kind: "handle"; readonly handle: Handle; readonly offsetPx: ScreenPoint; steps: number };

/** Listen to a canvas; `show` is told the place under the pointer. */
export function listenToPointer(canvas: HTMLCanvasElement, state: EditorState, show: (words: string) => void): void {
  let drag: Drag | null = null;
  let last: ScreenPoint = [0, 0];
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    drag = begun(state, last);
    canvas.style.cursor = "grabbing";
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = at(event);
    show(placeWords(state, now));
    if (drag === null) canvas.style.cursor = begun(state, now).kind === "pan" ? "grab" : "pointer";
    else dragged(state, drag, last, now);
    last = now;
  });
  const end = (event: PointerEvent): void => {
    if (drag?.kind === "pan" && distancePx(drag.from, at(event)) < CLICK_PX) state.select(clicked(state, at(event)));
    drag = null;
    canvas.style.cursor = "grab";
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const px = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 30 : event.deltaY;
    state.view = zoomed(state.view, state.size, at(event), Math.exp(-px * ZOOM_PER_PX));
    state.changed();
  }, { passive: false });
}

function at(event: MouseEvent): ScreenPoint {
  return [event.offsetX, event.offsetY];
}

function distancePx([ax, ay]: ScreenPoint, [bx, by]: ScreenPoint): number {
  return Math.hypot(ax - bx, ay - by);
}

function placeWords({ view, size }: EditorState, pointer: ScreenPoint): string {
  const [x, z] = toGame(view, size, pointer);
  return `x ${x.toFixed(1)}  z ${z.toFixed(1)}`;
}

/** What a press at a point takes hold of; only the selected entity's own points can be dragged. */
function begun({ testPoint, view, size, file, selected }: EditorState, pointer: ScreenPoint): Drag {
  if (testPoint !== null && distancePx(toScreen(view, size, testPoint), pointer) < TEST_POINT_PX) return { kind: "test" };
  const reachable = handlesOf(file).filter(({ entity }) => entity === null || entity === selected);
  const handle = handleUnder(reachable, view, size, pointer, selected);
  if (handle === null) return { kind: "pan", from: pointer };
  const [xPx, yPx] = toScreen(view, size, handle.place);
  return { kind: "handle", handle, offsetPx: [xPx - pointer[0], yPx - pointer[1]], steps: 0 };
}

function dragged(state: EditorState, drag: Drag, last: ScreenPoint, now: ScreenPoint): void {
  const to = toGame(state.view, state.size, now);
  switch (drag.kind) {
    case "pan":
      state.view = panned(state.view, now[0] - last[0], now[1] - last[1]);
      return state.changed();
    case "test":
      state.testPoint = to;
      return state.changed();
    case "handle":
      state.edit(moved(state.file, drag.handle, grabbed(state, drag.offsetPx, now)), drag.steps > 0);
      drag.steps += 1;
  }
}

/** Where a handle goes that was not grabbed right in its middle. */
function grabbed({ view, size }: EditorState, [dxPx, dyPx]: ScreenPoint, [xPx, yPx]: ScreenPoint): Place {
  return toGame(view, size, [xPx + dxPx, yPx + dyPx]);
}

/** The entity that a click means: who stands there now, else whose line is there. */
function clicked(state: EditorState, pointer: ScreenPoint): number | null {
  const { view, size, file } = state;
  const actor = state.moment?.actors.find(({ xM, yM, lengthM }) => {
    const reachPx = Math.max((lengthM / 2) * view.pxPerM, 7);
    return distancePx(toScreen(view, size, gamePoint(xM, yM)), pointer) <= reachPx;
  });
  if (actor === undefined) return entityUnder(file, view, size, pointer);
  return listAt(file, ["entities"]).findIndex((entity) => textAt(entity, ["id"]) === actor.name);
}
