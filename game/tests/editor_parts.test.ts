/** Adding and removing entities, waves and paths in the editor: each result is a file that the game plays. */

import { describe, expect, it } from "vitest";

import { checked } from "../src/editor/draft";
import { hasWay, idsOf, KINDS, withEntity, withEntityId, withoutEntity } from "../src/editor/entities";
import { type Json, listAt, valueAt } from "../src/editor/json";
import { EditorState } from "../src/editor/state";
import { NO_WAVE, TRIGGERS, withEntityInWave, withoutWave, withTrigger, withWave } from "../src/editor/waves";
import { SEGMENTS, withoutSegment, withPath, withSegment, withTrajectory } from "../src/editor/ways";
import { scenarioIds, worldData } from "./world_data";

function shipped(id: string): Json {
  return worldData(`scenarios/${id}.json`) as Json;
}

const STAGED = shipped("staged-demo");
const problem = (file: Json): string | null => checked(file).problem;

describe("entities", () => {
  it.each(KINDS)("a new %s stands ahead of the player, in a file that can be played", (kind) => {
    const file = withEntity(STAGED, kind);
    expect(problem(file)).toBeNull();
    const { id, trajectory } = valueAt(file, ["entities", 4]) as { id: string; trajectory: { x: number; z: number }[] };
    expect(id).toBe(`${kind.replace("_", "-")}-1`);
    expect(trajectory[0]).toMatchObject({ x: -229.41, z: -493 });
    expect(trajectory.length).toBe(kind === "obstacle" ? 1 : 2);
  });

  it("a second one gets the next free name", () => {
    const two = withEntity(withEntity(STAGED, "vehicle"), "vehicle");
    expect(idsOf(two, "entities").slice(4)).toEqual(["vehicle-1", "vehicle-2"]);
    expect(idsOf(withEntity(withoutEntity(two, 4), "vehicle"), "entities").slice(4)).toEqual(["vehicle-2", "vehicle-1"]);
  });

  it("one that a wave starts alone takes the wave with it", () => {
    const file = withoutEntity(STAGED, 0);
    expect(idsOf(file, "entities")).toEqual(["worker", "turning-bicycle", "cone"]);
    expect(idsOf(file, "waves")).toEqual(["near-the-cone", "at-the-crossing"]);
    expect(problem(file)).toBeNull();
  });

  it("one that a trigger names leaves its place to the trigger", () => {
    const file = withoutEntity(STAGED, 3);
    expect(valueAt(file, ["waves", 1, "trigger"])).toEqual({ type: "distance", within: 60, place: [-232.2, -426] });
    expect(problem(file)).toBeNull();
  });

  it("a new name is known to waves and triggers", () => {
    const file = withEntityId(withEntityId(STAGED, 3, "barrel"), 1, "foreman");
    expect(valueAt(file, ["waves", 1])).toMatchObject({ trigger: { entity: "barrel" }, entities: ["foreman"] });
    expect(problem(file)).toBeNull();
  });

  it.each(scenarioIds())("%s can lose any of its entities but the last", (id) => {
    const file = shipped(id);
    const count = listAt(file, ["entities"]).length;
    const problems = Array.from({ length: count }, (_, k) => problem(withoutEntity(file, k)));
    expect(problems.filter((each) => each !== null)).toEqual(count > 1 ? [] : [expect.stringContaining("entities")]);
  });
});

describe("waves", () => {
  it("a new one starts the entity, which leaves the wave in which it was", () => {
    const file = withWave(STAGED, 0);
    expect(idsOf(file, "waves")).toEqual(["near-the-cone", "at-the-crossing", "wave-1"]);
    expect(valueAt(file, ["waves", 2])).toEqual({ id: "wave-1", trigger: { type: "time", time: 5 }, entities: ["pulling-out"] });
    expect(problem(file)).toBeNull();
  });

  it("the first of a file and its removal leave the file as it was", () => {
    const file = shipped("school-zone");
    const one = withWave(file, 1);
    expect([idsOf(one, "waves"), problem(one)]).toEqual([["wave-1"], null]);
    expect(withoutWave(one, 0)).toEqual(file);
  });

  it.each(TRIGGERS)("any can fire at a %s", (type) => {
    for (const wave of [0, 1, 2]) {
      const file = withTrigger(STAGED, wave, type);
      expect(valueAt(file, ["waves", wave, "trigger", "type"])).toBe(type);
      expect(problem(file)).toBeNull();
    }
  });

  it("an entity changes its wave, or waits for none", () => {
    const joined = withEntityInWave(STAGED, 1, "start");
    expect(listAt(joined, ["waves"])).toHaveLength(2);
    expect(valueAt(joined, ["waves", 0, "entities"])).toEqual(["pulling-out", "worker"]);
    expect(problem(joined)).toBeNull();
    expect(valueAt(withEntityInWave(joined, 0, NO_WAVE), ["waves", 0, "entities"])).toEqual(["worker"]);
  });
});

describe("ways", () => {
  it.each(scenarioIds())("every trajectory of %s becomes a path that can be played, through the same places", (id) => {
    const file = shipped(id);
    listAt(file, ["entities"]).forEach((entity, k) => {
      if (!hasWay(file, k, "trajectory")) return;
      const path = withPath(file, k);
      expect([problem(path), hasWay(path, k, "trajectory")]).toEqual([null, false]);
      const back = listAt(withTrajectory(path, k), ["entities", k, "trajectory"]);
      const places = listAt(entity, ["trajectory"]).map((point) => [valueAt(point, ["x"]), valueAt(point, ["z"])]);
      const found = back.map((point) => [valueAt(point, ["x"]), valueAt(point, ["z"])]);
      expect(found.slice(0, places.length)).toEqual(places);
      expect(problem(withTrajectory(path, k))).toBeNull();
    });
  });

  it.each(SEGMENTS)("a path goes on by a %s, straight on", (kind) => {
    const file = withSegment(STAGED, 0, kind);
    const segments = listAt(file, ["entities", 0, "path", "segments"]);
    expect(valueAt(segments[2]!, ["points"])).toEqual(
      kind === "line"
        ? [[-229.41, -340], [-229.41, -320]]
        : [[-229.41, -340], [-229.41, -333.33], [-229.41, -326.67], [-229.41, -320]],
    );
    expect(problem(file)).toBeNull();
  });

  it("a path that loses a segment in its middle stays joined", () => {
    const file = withoutSegment(STAGED, 2, 1);
    expect(valueAt(file, ["entities", 2, "path", "segments", 1, "points"])).toEqual([[-236, -412.98], [-226.9, -340]]);
    expect(problem(file)).toBeNull();
    expect(problem(withoutSegment(STAGED, 2, 0))).toBeNull();
    expect(problem(withoutSegment(STAGED, 2, 2))).toBeNull();
  });
});

it("each of these edits is one step, undone and done again", () => {
  const state = new EditorState(STAGED);
  const edits = [
    (file: Json) => withEntity(file, "bicycle"),
    (file: Json) => withPath(file, 4),
    (file: Json) => withWave(file, 4),
    (file: Json) => withoutEntity(file, 1),
    (file: Json) => withoutWave(file, 0),
  ];
  const seen = edits.map((edit) => {
    state.edit(edit(state.file));
    return state.file;
  });
  expect([...new Set(seen)]).toHaveLength(5);
  for (const before of [...seen].reverse().slice(1)) {
    state.undo();
    expect(state.file).toBe(before);
  }
  state.undo();
  expect([state.file, state.isDirty, state.canUndo]).toEqual([STAGED, false, false]);
  for (const after of seen) {
    state.redo();
    expect(state.file).toBe(after);
  }
});
