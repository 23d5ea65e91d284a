/** The side form: the scenario, the player, success, entities, waves. Built anew only when its shape changes. */

import type { At } from "../scenario/fields";
import { withCondition } from "./edits";
import { idsOf, KINDS, withEntity } from "./entities";
import { entityPanel } from "./entity_panel";
import { box, button, type Fields, section } from "./form";
import { listAt, textAt, valueAt } from "./json";
import type { EditorState } from "./state";
import { TRIGGERS, withoutWave, withTrigger, withWave } from "./waves";

const CONDITIONS = ["no_collision", "reach_position", "survive_duration"] as const;
export const NEXT_LIST = "scenario-ids";

/** Everything that decides which fields there are. */
export function shapeOf({ file, selected }: EditorState): string {
  const entities = listAt(file, ["entities"]).map((entity) => [
    textAt(entity, ["id"]),
    textAt(entity, ["type"]),
    textAt(entity, ["color"]),
    listAt(entity, ["trajectory"]).length,
    listAt(entity, ["path", "segments"]).map((segment) => listAt(segment, ["points"]).length),
  ]);
  const waves = listAt(file, ["waves"]).map((wave) => [
    textAt(wave, ["id"]),
    listAt(wave, ["entities"]),
    textAt(wave, ["trigger", "type"]),
    valueAt(wave, ["trigger", "place"]) === undefined,
  ]);
  return JSON.stringify([selected, entities, waves, textAt(file, ["successCondition", "type"])]);
}

/** All sections for the file as it is. */
export function panels(state: EditorState, fields: Fields): Node[] {
  return [
    scenarioPanel(fields),
    spawnPanel(fields),
    successPanel(state, fields),
    section(`Entities · ${listAt(state.file, ["entities"]).length}`, entityList(state), entityAdder(state)),
    ...(state.selected === null ? [] : [entityPanel(state, fields, state.selected)]),
    wavesPanel(state, fields),
  ];
}

function scenarioPanel(fields: Fields): HTMLElement {
  return section(
    "Scenario",
    box(
      "fields",
      fields.field("id", ["id"], { kind: "text", width: 2 }),
      fields.field("signals", ["signals"], { choices: ["city", "playerGreen"], fallback: "city", width: 2 }),
      fields.field("name", ["name"], { kind: "text", width: 4 }),
      fields.field("description", ["description"], { kind: "long", width: 4 }),
      fields.field("duration s", ["duration"], { width: 2 }),
      fields.field("next, if any", ["next"], { kind: "text", list: NEXT_LIST, leavesOut: true, width: 2 }),
    ),
  );
}

function spawnPanel(fields: Fields): HTMLElement {
  const at = ["playerSpawn"];
  return section(
    "Player's start",
    box(
      "fields",
      fields.field("x m", [...at, "x"]),
      fields.field("z m", [...at, "z"]),
      fields.field("turn rad", [...at, "rotation"]),
      fields.field("speed m/s", [...at, "initialSpeed"]),
    ),
  );
}

function successPanel({ file }: EditorState, fields: Fields): HTMLElement {
  const at = ["successCondition"];
  const type = fields.field("won by", [...at, "type"], { choices: CONDITIONS, edit: withCondition, width: 4 });
  const made = box("fields", type);
  if (textAt(file, [...at, "type"]) === "reach_position") {
    made.append(
      fields.field("target x m", [...at, "target", "x"]),
      fields.field("target z m", [...at, "target", "z"]),
      fields.field("radius m", [...at, "target", "radius"], { width: 2 }),
    );
  }
  return section("Success", made);
}

function entityList(state: EditorState): HTMLElement {
  const rows = listAt(state.file, ["entities"]).map((entity, k) => {
    const row = button("", `Select ${textAt(entity, ["id"])}`, () => state.select(state.selected === k ? null : k));
    row.setAttribute("aria-pressed", String(state.selected === k));
    const swatch = document.createElement("i");
    swatch.style.background = textAt(entity, ["color"]);
    const name = document.createElement("span");
    name.textContent = textAt(entity, ["id"]);
    const kind = document.createElement("span");
    kind.className = "dim";
    kind.textContent = textAt(entity, ["type"]).replace("_", " ");
    row.append(swatch, name, kind);
    return row;
  });
  return box("entities", ...rows);
}

/** Kind and button; the new entity is selected. */
function entityAdder(state: EditorState): HTMLElement {
  const kinds = document.createElement("select");
  kinds.setAttribute("aria-label", "Kind of the next entity");
  kinds.append(...KINDS.map((kind) => new Option(kind.replace("_", " "), kind)));
  const add = button("+ entity", "Add an entity", () => {
    const kind = KINDS.find((each) => each === kinds.value) ?? "vehicle";
    state.edit(withEntity(state.file, kind));
    state.select(listAt(state.file, ["entities"]).length - 1);
  });
  return box("row", kinds, add);
}

function wavesPanel(state: EditorState, fields: Fields): HTMLElement {
  const { file, selected } = state;
  const waves = listAt(file, ["waves"]);
  const name = selected === null ? "" : textAt(file, ["entities", selected, "id"]);
  const add = button("+ wave", "Add a wave that starts the selected entity", () => {
    if (selected !== null) state.edit(withWave(state.file, selected));
  });
  add.disabled = selected === null;
  const hint = selected === null ? "select the entity that it shall start" : `it starts ${name}`;
  const none = waves.length === 0 ? [box("dim", "No waves: every entity's clock starts with the scenario.")] : [];
  return section("Waves", ...none, ...waves.map((_, k) => waveBox(state, fields, k)), box("row", add, box("dim", hint)));
}

function waveBox(state: EditorState, fields: Fields, number: number): HTMLElement {
  const at = ["waves", number];
  const { file } = state;
  const names = listAt(file, [...at, "entities"]).map(String).join(", ");
  const remove = button("Remove", `Remove wave ${textAt(file, [...at, "id"])}`, () => {
    state.edit(withoutWave(state.file, number));
  });
  const made = box(
    "wave",
    box("row", box("dim", `starts ${names}`), remove),
    box(
      "fields",
      fields.field("id", [...at, "id"], { kind: "text", width: 2 }),
      fields.field("fires at", [...at, "trigger", "type"], {
        choices: TRIGGERS,
        width: 2,
        edit: (before, type) => withTrigger(before, number, type),
      }),
      ...triggerFields(fields, [...at, "trigger"], file),
    ),
  );
  made.dataset["wave"] = String(number);
  return made;
}

function triggerFields(fields: Fields, at: At, file: EditorState["file"]): Node[] {
  switch (textAt(file, [...at, "type"])) {
    case "time":
      return [fields.field("time s", [...at, "time"])];
    case "distance": {
      const within = fields.field("within m", [...at, "within"]);
      if (valueAt(file, [...at, "place"]) === undefined) {
        return [within, fields.field("of entity", [...at, "entity"], { choices: idsOf(file, "entities"), width: 2 })];
      }
      return [within, fields.field("of x m", [...at, "place", 0]), fields.field("z m", [...at, "place", 1])];
    }
    case "position":
      return (["low", "high"] as const).flatMap((corner) => [
        fields.field(`${corner} x m`, [...at, corner, 0]),
        fields.field(`${corner} z m`, [...at, corner, 1]),
      ]);
    default:
      return [];
  }
}
