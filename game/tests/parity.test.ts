/**
 * The game against Python, case by case: positions within 1 mm, angles within 1e-6 rad, events equal.
 *
 * The largest differences are printed per kind; they are 0 as long as both sides do the same operations.
 */

import { createHash } from "node:crypto";

import { afterAll, describe, expect, it } from "vitest";

import { cityRings, cityWalls } from "../src/collision/city_walls";
import { announce, COMMAND_AHEAD_M } from "../src/navigation/navigator";
import { fitOf } from "../src/navigation/network";
import { ScenarioError } from "../src/scenario/errors";
import { readScenario } from "../src/scenario/model";
import { atan, atan2, hypot, sinCos, tan, wrap } from "../src/trig";
import { cases, type Row } from "./parity_cases";
import { play } from "./play";
import { shippedLimits, shippedStreets, worldData } from "./world_data";

const POSITION_M = 1e-3;
const ANGLE_RAD = 1e-6;
/** Of the columns of samples and crowds: tick or count exactly, positions, angle, speed, angle. */
const SAMPLE_TOLERANCES = [0, POSITION_M, POSITION_M, ANGLE_RAD, POSITION_M, ANGLE_RAD];
const CROWD_TOLERANCES = [0, 0, POSITION_M, POSITION_M, ANGLE_RAD, POSITION_M];

const largest = new Map<string, number>();

/** Compare tables and remember the largest difference of a kind. */
function expectClose(kind: string, found: readonly Row[], wanted: readonly Row[], tolerances: Row): void {
  expect(found.length).toBe(wanted.length);
  for (const [index, row] of wanted.entries()) {
    for (const [column, value] of row.entries()) {
      const difference = Math.abs((found[index]?.[column] ?? NaN) - value);
      largest.set(kind, Math.max(largest.get(kind) ?? 0, difference));
      expect(difference, `${kind}: row ${index}, column ${column}`).toBeLessThanOrEqual(tolerances[column] ?? 0);
    }
  }
}

/** What is said about a scenario file's content, or null where it is accepted. */
function refusalOf(content: object): string | null {
  try {
    readScenario(content, "broken.json");
  } catch (error) {
    if (error instanceof ScenarioError) return error.message;
    throw error;
  }
  return null;
}

afterAll(() => {
  for (const [kind, difference] of largest) console.info(`parity: ${kind}: largest difference ${difference}`);
});

describe("a drive is Python's", () => {
  it.each(cases.drives.map((drive) => [drive.name, drive] as const))("%s", (_, drive) => {
    const played = play(drive);
    expect(played.events).toEqual(drive.events);
    expectClose(drive.kind, played.samples, drive.samples, SAMPLE_TOLERANCES);
    expectClose(`${drive.kind} actors`, played.crowds, drive.crowds, CROWD_TOLERANCES);
  });
});

it("trigonometry has the same bits", () => {
  const rows = cases.trig.map(([a = NaN]) => {
    return [a, ...sinCos(a), tan(a), wrap(a), atan(a), atan2(a, 1 - a), hypot(a, 1)];
  });
  expectClose("trigonometry", rows, cases.trig, []);
});

it("the city's walls are the same numbers", () => {
  const rings = cityRings(worldData("city.json"));
  const digest = createHash("sha256");
  for (const ring of rings) digest.update(new Uint8Array(ring.buffer, ring.byteOffset, ring.byteLength));
  const points = rings.reduce((count, ring) => count + ring.length / 2, 0);
  expect({ rings: rings.length, points, sha256: digest.digest("hex") }).toEqual(cases.walls);
});

it("walls answer the same", () => {
  const walls = cityWalls(worldData("city.json"));
  const { lengthM, widthM } = shippedLimits();
  const rows = cases.queries.map(([x = NaN, y = NaN, yaw = NaN]) => {
    return [x, y, yaw, walls.hitsBox(x, y, yaw, lengthM, widthM), walls.hitsCircle(x, y, 1.5), walls.clearanceM(x, y, 25)];
  });
  expectClose("wall queries", rows, cases.queries, []);
});

it("on a street, driven on the right side, the lane is Python's", () => {
  const streets = shippedStreets();
  for (const [xM = NaN, yM = NaN, yawRad = NaN, laneId] of cases.lanes) {
    expect(streets.nearest(xM, yM, yawRad).lane.laneId).toBe(laneId);
  }
});

it("a way's commands are Python's, but for the metre in which its points announce late", () => {
  const streets = shippedStreets();
  let compared = 0;
  for (const way of cases.ways) {
    const lanes = way.lanes.map((laneId) => streets.lane(laneId));
    for (const [xM, yM, number, command] of way.points) {
      const ahead = lanes.slice(number);
      const said = announce(ahead, fitOf(ahead[0]!, xM, yM, 0));
      if (Math.abs(said.distanceToTurnM - COMMAND_AHEAD_M) < 1) continue;
      expect(said.command).toBe(command);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(200);
});

describe("a scenario file that cannot be played is refused in Python's words", () => {
  const good = cases.refusals[0]?.file ?? {};
  it.each(cases.refusals.map((refusal) => [refusal.message ?? "a good file is accepted", refusal] as const))(
    "%s",
    (_, { change, message }) => {
      expect(refusalOf({ ...good, ...change })).toBe(message);
    },
  );
});
