/** The form of the selected entity: looks, size, and every point of its way. */

import type { At } from "../scenario/fields";
import { withWaypoint } from "./edits";
import { box, button, type Fields, section } from "./form";
import { listAt, textAt, withValue } from "./json";
import type { EditorState } from "./state";

export const ENTITY_PANEL_ID = "selected-entity";
const KINDS = ["vehicle", "pedestrian", "bicycle", "obstacle", "emergency_worker"] as const;

export function entityPanel(state: EditorState, fields: Fields, entity: number): HTMLElement {
  const at = ["entities", entity];
  const wave = state.waveOf(entity);
  const clock = wave === "" ? "its clock starts with the scenario" : `its clock starts with wave ${wave}`;
  const made = section(
    textAt(state.file, [...at, "id"]),
    box("dim", clock),
    box(
      "fields",
      fields.field("type", [...at, "type"], { choices: KINDS, width: 2 }),
      fields.field("colour", [...at, "color"], { kind: "color" }),
      fields.field("at its end", [...at, "afterEnd"], { choices: ["hold", "remove"], fallback: "hold" }),
      fields.field("width m", [...at, "dimensions", "width"]),
      fields.field("height m", [...at, "dimensions", "height"]),
      fields.field("length m", [...at, "dimensions", "depth"], { width: 2 }),
    ),
    ...trajectoryTable(state, fields, entity),
    ...pathTables(state, fields, entity),
  );
  made.id = ENTITY_PANEL_ID;
  return made;
}

function trajectoryTable(state: EditorState, fields: Fields, entity: number): Node[] {
  const at = ["entities", entity, "trajectory"];
  const points = listAt(state.file, at);
  if (points.length === 0) return [];
  const rows = points.flatMap((_, k): (Node | string)[] => [
    cell(`${k + 1}`),
    ...["time", "x", "z", "rotation"].map((name) => fields.input(`point ${k + 1} ${name}`, [...at, k, name])),
    points.length === 1 ? cell("") : button("×", `Remove point ${k + 1}`, () => removed(state, [...at, k])),
  ]);
  const heads = ["", "time s", "x m", "z m", "turn rad", ""].map(cell);
  const more = button("+ point", "Add a point at the end", () => state.edit(withWaypoint(state.file, entity)));
  return [box("table", ...heads, ...rows), more];
}

function removed(state: EditorState, at: At): void {
  state.edit(withValue(state.file, at, undefined));
}

function cell(words: string): HTMLElement {
  const made = document.createElement("span");
  made.className = "dim";
  made.textContent = words;
  return made;
}

function pathTables(state: EditorState, fields: Fields, entity: number): Node[] {
  const at = ["entities", entity, "path"];
  const segments = listAt(state.file, [...at, "segments"]);
  if (segments.length === 0) return [];
  const start = fields.field("starts at s", [...at, "startTime"], { fallback: "0", width: 2 });
  return [box("fields", start), ...segments.map((_, k) => segmentTable(state, fields, [...at, "segments", k], k))];
}

function segmentTable(state: EditorState, fields: Fields, at: At, number: number): HTMLElement {
  const points = listAt(state.file, [...at, "points"]);
  const rows = points.flatMap((_, k) => [
    cell(`${k + 1}`),
    ...[0, 1].map((axis) => fields.input(`point ${k + 1} ${axis === 0 ? "x" : "z"}`, [...at, "points", k, axis])),
  ]);
  const title = `${number + 1} · ${textAt(state.file, [...at, "type"])}`;
  return section(
    title,
    box("fields", fields.field("duration s", [...at, "duration"], { width: 2 })),
    box("table points", cell(""), cell("x m"), cell("z m"), ...rows),
  );
}
