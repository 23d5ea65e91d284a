/** The scenario on the map: ways, handles, triggers, target, spawn, and everybody at the time shown. */

import type { Actor } from "../actors";
import { gamePoint, gameRotation } from "../axes";
import type { Place } from "../scenario/model";
import { lineColour, THEME } from "./colours";
import { handlesOf, placeAt } from "./handles";
import { headingPlace } from "./heading";
import { type Json, listAt, numberAt, textAt } from "./json";
import { wayOf } from "./lines";
import { type Pen, penOf } from "./pen";
import type { Moment } from "./playback";
import type { EditorState } from "./state";

const CAR_LENGTH_M = 4.5;
const CAR_WIDTH_M = 2;

export function drawScenario(context: CanvasRenderingContext2D, state: EditorState): void {
  const pen = penOf(context, state.view, state.size);
  const moment = state.moment;
  drawTarget(pen, state.file);
  listAt(state.file, ["waves"]).forEach((wave, k) => drawTrigger(pen, state.file, wave, moment, k));
  listAt(state.file, ["entities"]).forEach((_, k) => {
    if (k !== state.selected) drawWay(pen, state.file, k, false);
  });
  if (state.selected !== null) drawWay(pen, state.file, state.selected, true);
  drawSpawn(pen, state.file);
  for (const actor of moment?.actors ?? []) drawActor(pen, actor, state);
  drawPlayer(pen, state);
  drawHandles(pen, state);
}

function drawTarget(pen: Pen, file: Json): void {
  const place = placeAt(file, ["successCondition", "target"]);
  const radius = numberAt(file, ["successCondition", "target", "radius"]);
  if (place === null || radius === null) return;
  pen.circle(place, radius, { line: THEME.accent, fill: "rgb(126 231 135 / 8%)" });
  pen.label(place, "target", THEME.accent, radius);
}

function drawTrigger(pen: Pen, file: Json, wave: Json, moment: Moment | null, number: number): void {
  const fired = moment?.firedS[number] ?? null;
  const line = fired === null ? THEME.amber : THEME.accent;
  const style = { line, dash: [6, 5], fill: fired === null ? "rgb(227 179 65 / 4%)" : "rgb(126 231 135 / 5%)" };
  const [low, high] = [placeAt(wave, ["trigger", "low"]), placeAt(wave, ["trigger", "high"])];
  if (low !== null && high !== null) {
    pen.rectangle(low, high, style);
    pen.label([high[0], low[1]], textAt(wave, ["id"]), line);
  }
  const within = numberAt(wave, ["trigger", "within"]);
  const middle = placeAt(wave, ["trigger", "place"]) ?? entityPlace(file, textAt(wave, ["trigger", "entity"]), moment);
  if (within === null || middle === null) return;
  pen.circle(middle, within, style);
  pen.label(middle, textAt(wave, ["id"]), line, within);
}

/** Where an entity is, or else where it will begin. */
function entityPlace(file: Json, name: string, moment: Moment | null): Place | null {
  const actor = moment?.actors.find((each) => each.name === name);
  if (actor !== undefined) return gamePoint(actor.xM, actor.yM);
  const entity = listAt(file, ["entities"]).findIndex((each) => textAt(each, ["id"]) === name);
  return entity < 0 ? null : (wayOf(file, entity)[0] ?? null);
}

function drawWay(pen: Pen, file: Json, entity: number, selected: boolean): void {
  const line = lineColour(textAt(file, ["entities", entity, "color"]));
  const way = wayOf(file, entity);
  const [start, end] = [way[0], way.at(-1)];
  if (start === undefined || end === undefined) return;
  if (selected) drawControls(pen, file, entity, line);
  pen.way(way, { line, widthPx: selected ? 3 : 1.5 });
  pen.dot(start, 5, { line, fill: THEME.ground });
  const leaves = textAt(file, ["entities", entity, "afterEnd"]) === "remove";
  if (way.length > 1) pen.end(end, line, leaves);
  if (selected) pen.label(start, textAt(file, ["entities", entity, "id"]), line);
}

/** Thin lines from a Bezier's ends to its control points. */
function drawControls(pen: Pen, file: Json, entity: number, line: string): void {
  for (const segment of listAt(file, ["entities", entity, "path", "segments"])) {
    if (textAt(segment, ["type"]) !== "bezier") continue;
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => placeAt(segment, ["points", k]));
    if (a && b) pen.way([a, b], { line, dash: [2, 4] });
    if (c && d) pen.way([c, d], { line, dash: [2, 4] });
  }
}

function drawSpawn(pen: Pen, file: Json): void {
  const place = placeAt(file, ["playerSpawn"]);
  const rotation = numberAt(file, ["playerSpawn", "rotation"]);
  if (place === null || rotation === null) return;
  pen.arrow(place, headingPlace(place, rotation), THEME.accent);
  pen.label(place, "spawn", THEME.accent);
}

function drawActor(pen: Pen, actor: Readonly<Actor>, state: EditorState): void {
  const place = gamePoint(actor.xM, actor.yM);
  const file = state.file;
  const chosen = state.selected !== null && textAt(file, ["entities", state.selected, "id"]) === actor.name;
  const fill = `rgb(${actor.rgb.join(" ")})`;
  const style = { line: chosen ? THEME.accent : THEME.text, fill, widthPx: chosen ? 2 : 1 };
  pen.box(place, gameRotation(actor.yawRad), actor.lengthM, actor.widthM, style);
}

function drawPlayer(pen: Pen, state: EditorState): void {
  const rotation = numberAt(state.file, ["playerSpawn", "rotation"]) ?? 0;
  const line = state.testPoint === null ? THEME.accent : THEME.amber;
  pen.box(state.player, rotation, CAR_LENGTH_M, CAR_WIDTH_M, { line, fill: "rgb(126 231 135 / 25%)", widthPx: 1.5 });
  if (state.testPoint !== null) pen.label(state.testPoint, "test player", THEME.amber);
}

function drawHandles(pen: Pen, state: EditorState): void {
  for (const handle of handlesOf(state.file)) {
    if (handle.entity === null) {
      const line = handle.kind === "corner" || handle.kind === "place" ? THEME.amber : THEME.accent;
      pen.dot(handle.place, 4, { line, fill: THEME.ground });
    } else if (handle.entity === state.selected) {
      pen.dot(handle.place, 4.5, { line: THEME.text, fill: THEME.ground });
    }
  }
  if (state.testPoint !== null) pen.dot(state.testPoint, 5, { line: THEME.amber, fill: THEME.ground });
}
