/** The form of the selected entity: looks, size, and every point of its way. */

import type { At } from "../scenario/fields";
import { withWaypoint } from "./edits";
import { idsOf, KINDS, withEntityId, withoutEntity } from "./entities";
import { box, button, type Fields, section } from "./form";
import { listAt, textAt, withValue } from "./json";
import type { EditorState } from "./state";
import { NO_WAVE, withEntityInWave } from "./waves";
import { SEGMENTS, withoutSegment, withPath, withSegment, withTrajectory } from "./ways";

export const ENTITY_PANEL_ID = "selected-entity";

export function entityPanel(state: EditorState, fields: Fields, entity: number): HTMLElement {
  const at = ["entities", entity];
  const id = textAt(state.file, [...at, "id"]);
  const remove = button("Remove", `Remove ${id}`, () => {
    state.select(null);
    state.edit(withoutEntity(state.file, entity));
  });
  const made = section(
    id,
    box("row", remove),
    box(
      "fields",
      fields.field("id", [...at, "id"], { kind: "text", width: 2, edit: (file, text) => withEntityId(file, entity, text) }),
      waveField(state, fields, entity),
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

/** Which wave starts its clock. */
function waveField(state: EditorState, fields: Fields, entity: number): HTMLElement {
  return fields.field("starts with", ["entities", entity, "wave"], {
    choices: [NO_WAVE, ...idsOf(state.file, "waves")],
    value: () => state.waveOf(entity) || NO_WAVE,
    edit: (file, wave) => withEntityInWave(file, entity, wave),
    width: 2,
  });
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
  const curve = button("as path", "Turn the trajectory into a path", () => state.edit(withPath(state.file, entity)));
  return [box("table", ...heads, ...rows), box("row", more, curve)];
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
  const more = SEGMENTS.map((kind) => {
    return button(`+ ${kind}`, `Add a ${kind} at the end`, () => state.edit(withSegment(state.file, entity, kind)));
  });
  const points = button("as points", "Turn the path into a trajectory", () => state.edit(withTrajectory(state.file, entity)));
  return [
    box("fields", start),
    ...segments.map((_, k) => segmentTable(state, fields, entity, k)),
    box("row", ...more, points),
  ];
}

function segmentTable(state: EditorState, fields: Fields, entity: number, number: number): HTMLElement {
  const list = ["entities", entity, "path", "segments"];
  const at: At = [...list, number];
  const points = listAt(state.file, [...at, "points"]);
  const rows = points.flatMap((_, k) => [
    cell(`${k + 1}`),
    ...[0, 1].map((axis) => fields.input(`point ${k + 1} ${axis === 0 ? "x" : "z"}`, [...at, "points", k, axis])),
  ]);
  const title = `${number + 1} · ${textAt(state.file, [...at, "type"])}`;
  const remove = button("×", `Remove segment ${number + 1}`, () => state.edit(withoutSegment(state.file, entity, number)));
  remove.disabled = listAt(state.file, list).length === 1;
  return section(
    title,
    box("fields", fields.field("duration s", [...at, "duration"], { width: 2 }), remove),
    box("table points", cell(""), cell("x m"), cell("z m"), ...rows),
  );
}
