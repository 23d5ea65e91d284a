/** The editor's logic: files, edits, handles, undo, the view, playback. */

import { describe, expect, it } from "vitest";

import { gamePoint } from "../src/axes";
import { cityPlan } from "../src/editor/city_plan";
import { checked, parsed, savedFile } from "../src/editor/draft";
import { moved, typedValue, withCondition, withWaypoint } from "../src/editor/edits";
import { type Handle, handlesOf, handleUnder } from "../src/editor/handles";
import { headingPlace, rotationTowards } from "../src/editor/heading";
import { amended, historyOf, pushed, redone, undone } from "../src/editor/history";
import { type Json, listAt, numberAt, prettyPrinted, valueAt, withValue } from "../src/editor/json";
import { entityUnder, wayOf } from "../src/editor/lines";
import { Playback } from "../src/editor/playback";
import { EditorState } from "../src/editor/state";
import { fitted, panned, toGame, toScreen, type View, zoomed } from "../src/editor/view";
import { ScenarioRun } from "../src/scenario/engine";
import type { At } from "../src/scenario/fields";
import { scenarioIds, shippedScenario, worldData } from "./world_data";

const SIZE = { widthPx: 900, heightPx: 600 };

function shipped(id: string): Json {
  return worldData(`scenarios/${id}.json`) as Json;
}

/** Where two files differ: paths of numbers, texts and missing values. */
function differences(one: Json | undefined, other: Json | undefined, at: At = []): string[] {
  const isTree = (value: Json | undefined): boolean => typeof value === "object" && value !== null;
  if (!isTree(one) || !isTree(other)) return one === other ? [] : [at.join(".")];
  const names = new Set([...Object.keys(one as object), ...Object.keys(other as object)]);
  return [...names].flatMap((name) => {
    const step = Array.isArray(one) ? Number(name) : name;
    return differences(valueAt(one as Json, [step]), valueAt(other as Json, [step]), [...at, step]);
  });
}

function handle(file: Json, at: string): Handle {
  const found = handlesOf(file).find((each) => each.at.join(".") === at && each.kind !== "heading");
  if (found === undefined) throw new RangeError(`no handle at ${at}`);
  return found;
}

describe("files", () => {
  it.each(scenarioIds())("%s comes out of open and save unchanged", (id) => {
    const { name, text } = savedFile(shipped(id));
    expect(name).toBe(`${id}.json`);
    expect(JSON.stringify(parsed(text, name))).toBe(JSON.stringify(shipped(id)));
    expect(prettyPrinted(parsed(text, name))).toBe(text);
  });

  it.each(scenarioIds())("%s is unchanged by putting every handle where it is", (id) => {
    const file = shipped(id);
    const same = handlesOf(file)
      .filter(({ kind }) => kind !== "heading")
      .reduce((changed, each) => moved(changed, each, each.place), file);
    expect(differences(file, same)).toEqual([]);
  });

  it("an invalid one is not saved, and the reason names the field", () => {
    const broken = withValue(shipped("staged-demo"), ["duration"], 0);
    expect(checked(broken).problem).toBe("duration: Input should be greater than 0");
    expect(() => savedFile(broken)).toThrow("duration: Input should be greater than 0");
    expect(() => parsed("{", "x.json")).toThrow("x.json: is no JSON");
  });

  it("print short things in one line", () => {
    expect(prettyPrinted({ a: [1, { b: "c" }], d: [], e: {} })).toBe('{\n "a": [1, {"b": "c"}],\n "d": [],\n "e": {}\n}\n');
    expect(prettyPrinted(shipped("staged-demo"))).toContain('\n   "dimensions": {"width": 2, "height": 1.5, "depth": 4},\n');
  });
});

describe("edits", () => {
  it("move exactly one waypoint", () => {
    const file = shipped("school-zone");
    const at = "entities.1.trajectory.1";
    const changed = moved(file, handle(file, at), [-240.504, -436.25]);
    expect(differences(file, changed)).toEqual([`${at}.x`, `${at}.z`]);
    expect(valueAt(changed, ["entities", 1, "trajectory", 1])).toMatchObject({ time: 12, x: -240.5, z: -436.25 });
    expect(checked(changed).problem).toBeNull();
  });

  it("move exactly one control point", () => {
    const file = shipped("staged-demo");
    const at = "entities.0.path.segments.0.points.1";
    expect(differences(file, moved(file, handle(file, at), [-220, -450]))).toEqual([`${at}.0`, `${at}.1`]);
  });

  it("keep joined segments joined", () => {
    const file = shipped("staged-demo");
    const changed = moved(file, handle(file, "entities.0.path.segments.0.points.3"), [-228, -441]);
    expect(valueAt(changed, ["entities", 0, "path", "segments", 1, "points", 0])).toEqual([-228, -441]);
    expect(checked(changed).problem).toBeNull();
  });

  it("turn the player towards the pointer", () => {
    const file = shipped("staged-demo");
    const heading = handlesOf(file).find(({ kind }) => kind === "heading");
    const west = moved(file, heading!, [-329.41, -533]);
    expect(differences(file, west)).toEqual(["playerSpawn.rotation"]);
    expect(numberAt(west, ["playerSpawn", "rotation"])).toBeCloseTo(Math.PI / 2, 5);
    expect(headingPlace([0, 0], 0, 3)).toEqual([0, -3]);
    expect(rotationTowards([1, 2], headingPlace([1, 2], -2.5))).toBeCloseTo(-2.5);
  });

  it("give and take the target with the condition", () => {
    const file = shipped("staged-demo");
    const reach = withCondition(file, "reach_position");
    expect(valueAt(reach, ["successCondition", "target"])).toEqual({ x: -229.41, z: -433, radius: 15 });
    expect(checked(reach).problem).toBeNull();
    expect(differences(file, withCondition(reach, "survive_duration"))).toEqual([]);
  });

  it("add and remove waypoints", () => {
    const file = shipped("school-zone");
    const longer = withWaypoint(file, 1);
    expect(listAt(longer, ["entities", 1, "trajectory"]).at(-1)).toMatchObject({ time: 13, x: -269, z: -437 });
    expect(checked(longer).problem).toBeNull();
    expect(differences(file, withValue(longer, ["entities", 1, "trajectory", 2], undefined))).toEqual([]);
  });

  it("take what is no number as the text that it is, for the check to refuse", () => {
    expect([typedValue("1.5", "number"), typedValue("", "number"), typedValue("7", "text")]).toEqual([1.5, "", "7"]);
  });
});

describe("undo", () => {
  it("goes back and forth", () => {
    const three = pushed(pushed(historyOf(1), 2), 3);
    expect(undone(three).present).toBe(2);
    expect(undone(undone(undone(three))).present).toBe(1);
    expect(redone(undone(three))).toEqual(three);
    expect(redone(three)).toBe(three);
    expect(pushed(undone(three), 9)).toEqual({ past: [1, 2], present: 9, future: [] });
    expect(pushed(three, 3)).toBe(three);
  });

  it("takes a whole drag as one step", () => {
    const dragged = amended(amended(pushed(historyOf(0), 1), 2), 3);
    expect(undone(dragged).present).toBe(0);
    expect(redone(undone(dragged)).present).toBe(3);
  });

  it("is undone in the editor, too, and the file is clean again", () => {
    const file = shipped("staged-demo");
    const state = new EditorState(file);
    state.edit(withValue(file, ["duration"], -1));
    expect([state.isDirty, state.checked.scenario, state.moment?.actors.length]).toEqual([true, null, 1]);
    state.undo();
    expect([state.isDirty, state.file, state.canRedo]).toEqual([false, file, true]);
  });
});

describe("the view", () => {
  const view: View = { x: -229, z: -480, pxPerM: 3.5 };

  it("inverts", () => {
    const [x, z] = toGame(view, SIZE, toScreen(view, SIZE, [-200.5, -433.25]));
    expect([x, z]).toEqual([expect.closeTo(-200.5, 9), expect.closeTo(-433.25, 9)]);
  });

  it("has north up and east to the right", () => {
    expect(toScreen(view, SIZE, [-228, -481])).toEqual([453.5, 296.5]);
  });

  it("zooms around the pointer and pans with it", () => {
    const before = toGame(view, SIZE, [100, 500]);
    const after = toGame(zoomed(view, SIZE, [100, 500], 1.7), SIZE, [100, 500]);
    expect(after).toEqual(before.map((value) => expect.closeTo(value, 9)));
    expect(toGame(panned(view, 30, -20), SIZE, [130, 480])).toEqual(before.map((value) => expect.closeTo(value, 9)));
    expect(zoomed(view, SIZE, [0, 0], 1e9).pxPerM).toBe(60);
  });

  it("fits everything", () => {
    const places = handlesOf(shipped("double-intersection")).map(({ place }) => place);
    const fit = fitted(places, SIZE);
    for (const place of places) {
      const [x, y] = toScreen(fit, SIZE, place);
      expect(x >= 0 && x <= SIZE.widthPx && y >= 0 && y <= SIZE.heightPx).toBe(true);
    }
  });
});

describe("the pointer", () => {
  const file = shipped("staged-demo");
  const view = { x: -229.41, z: -470, pxPerM: 4 };

  it("finds a handle within reach, and none beyond", () => {
    const [x, y] = toScreen(view, SIZE, [-229.41, -533]);
    expect(handleUnder(handlesOf(file), view, SIZE, [x + 5, y], null)?.kind).toBe("spawn");
    expect(handleUnder(handlesOf(file), view, SIZE, [x + 12, y], null)).toBeNull();
  });

  it("prefers the selected entity's", () => {
    const double = withValue(file, ["entities", 1, "path", "segments", 0, "points", 0], [-222.41, -470]);
    const pointer = toScreen(view, SIZE, [-222.41, -470]);
    expect(handleUnder(handlesOf(double), view, SIZE, pointer, 0)?.entity).toBe(0);
    expect(handleUnder(handlesOf(double), view, SIZE, pointer, 1)?.entity).toBe(1);
  });

  it("finds an entity by its line", () => {
    expect(entityUnder(file, view, SIZE, toScreen(view, SIZE, [-229, -380]))).toBe(0);
    expect(entityUnder(file, view, SIZE, toScreen(view, SIZE, [-232.2, -426]))).toBe(3);
    expect(entityUnder(file, view, SIZE, toScreen(view, SIZE, [-300, -380]))).toBeNull();
    expect(wayOf(file, 0)[0]).toEqual([-222.41, -470]);
  });
});

describe("playback", () => {
  it.each(scenarioIds())("%s shows what the engine plays, in any order of times", (id) => {
    const scenario = shippedScenario(id);
    const { xM, yM } = scenario.player;
    const playback = new Playback(scenario, gamePoint(xM, yM));
    for (const tick of [150, 30, 299]) {
      const run = new ScenarioRun(scenario);
      for (let k = 0; k <= tick; k++) run.step(k / 30, xM, yM);
      const shown = playback.at(tick / 30).actors;
      expect(shown.map(({ name, xM, yM, yawRad }) => [name, xM, yM, yawRad])).toEqual(
        run.actors.map(({ name, xM, yM, yawRad }) => [name, xM, yM, yawRad]),
      );
    }
  });

  it("tells when waves fire, which depends on where the player stands", () => {
    const scenario = shippedScenario("staged-demo");
    expect(new Playback(scenario, [-229.41, -533]).at(10).firedS).toEqual([1, null, null]);
    const near = new Playback(scenario, [-229.41, -440]);
    expect(near.at(0.5).firedS).toEqual([null, 0, 0]);
    expect(near.at(5).actors.map(({ name }) => name)).toEqual(["pulling-out", "worker", "turning-bicycle", "cone"]);
  });

  it("ends with the scenario", () => {
    const playback = new Playback(shippedScenario("intersection"), [0, 0]);
    expect([playback.at(20).state, playback.at(20).actors.length, playback.at(1).state]).toEqual(["timeout", 0, "playing"]);
  });
});

describe("the city", () => {
  it("has all streets and buildings", () => {
    const { streets, tiles } = cityPlan(worldData("city.json") as Json);
    expect(streets).toHaveLength(39);
    expect(tiles.reduce((sum, { rings }) => sum + rings.length, 0)).toBe(5247);
  });
});
