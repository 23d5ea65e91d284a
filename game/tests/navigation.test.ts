/** The navigation: one way, announced 30 m ahead, planned anew only for who leaves it. */

import { describe, expect, it } from "vitest";

import { Command, type Lane, StreetNetwork, streetNetwork, StreetsFileError } from "../src/navigation/network";
import { COMMAND_AHEAD_M, type Navigation, Navigator } from "../src/navigation/navigator";
import { seededRandom } from "../src/navigation/random";
import { shippedScenario, shippedStreets, worldData } from "./world_data";

const streets = shippedStreets();
const inner = streets.lanes.filter((lane) => lane.turn === Command.followLane && lane.successors.length === 3);

/** What is said at every metre of the navigator's own way, driven exactly. */
function drive(navigator: Navigator, start: Lane, lengthM: number): Navigation[] {
  const said: Navigation[] = [];
  let lane = start;
  let alongM = 0;
  for (let gone = 0; gone < lengthM; gone++) {
    const [xM, yM] = lane.shape.at(alongM);
    said.push(navigator.update(xM, yM, lane.shape.project(xM, yM).yawRad));
    alongM += 1;
    if (alongM <= lane.shape.lengthM) continue;
    const way = navigator.wayLaneIds;
    const next = way[way.indexOf(lane.laneId) + 1];
    if (next === undefined) return said;
    alongM -= lane.shape.lengthM;
    lane = streets.lane(next);
  }
  return said;
}

describe("the network", () => {
  it("joins every connector to the end of one lane and the start of another", () => {
    for (const lane of streets.lanes) {
      for (const next of lane.successors.map((laneId) => streets.lane(laneId))) {
        const [ex, ey] = lane.shape.at(lane.shape.lengthM);
        const [sx, sy] = next.shape.start;
        expect(Math.abs(ex - sx) + Math.abs(ey - sy)).toBeLessThan(1e-3);
      }
    }
  });

  it("has an overtaking car keep its lane and a turned one change it", () => {
    const lane = inner[40]!;
    const [xM, yM] = lane.shape.at(lane.shape.lengthM / 2);
    const yawRad = lane.shape.project(xM, yM).yawRad;
    const left = [xM + 5 * Math.sin(yawRad), yM - 5 * Math.cos(yawRad)] as const;
    expect(streets.nearest(...left, yawRad).lane).toBe(lane);
    expect(streets.nearest(...left, yawRad + Math.PI).lane).not.toBe(lane);
  });

  it("finds a lane far off the map, too", () => {
    expect(streets.nearest(9000, -9000, 0).lane.turn).toBeDefined();
  });

  it.each([
    [{}, "streets.json: version is undefined, not 1"],
    [{ version: 1 }, "streets.json: lanes: missing or no list"],
    [{ version: 1, lanes: [[1]], connectors: [], crossings: [] }, "streets.json: lanes[0]: must be 8 numbers"],
    [
      { version: 1, lanes: [[0, 0, 0, 9, 7, 11, 0, 0]], connectors: [[0, 5, 1, 0]], crossings: [] },
      "streets.json: connectors[0]: there is no lane 5",
    ],
  ])("refuses a wrong file: %j", (data, message) => {
    expect(() => streetNetwork(data)).toThrow(message);
  });

  it("refuses to navigate without streets", () => {
    expect(() => new StreetNetwork([], []).nearest(0, 0, 0)).toThrow(StreetsFileError);
  });

  it("belongs to the shipped city", () => {
    expect(worldData("streets.json")).toMatchObject({ version: 1, city: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect([streets.lanes.length, streets.crossings.length]).toEqual([5006, 308]);
  });
});

describe("the navigator", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("never leaves its own way, and announces every turn 30 m ahead (seed %i)", (seed) => {
    const navigator = new Navigator(streets, { seed });
    const said = drive(navigator, inner[seed * 31]!, 1500);
    expect(navigator.replans).toBe(0);
    expect(said.length).toBe(1500);
    for (const now of said) {
      expect(now.command).toBe(now.distanceToTurnM <= COMMAND_AHEAD_M ? now.nextTurn : Command.followLane);
      if (now.command !== Command.followLane) expect(now.command).toBe(now.nextTurn);
    }
    for (const [index, now] of said.slice(1).entries()) {
      const before = said[index]!;
      // A command changes only when a crossing is left or 30 m ahead, never within an announcement.
      if (now.command === before.command || before.distanceToTurnM === 0) continue;
      expect(now.distanceToTurnM).toBeGreaterThan(COMMAND_AHEAD_M - 2);
    }
  });

  it("chooses all turns now and then, the same ones for the same seed", () => {
    const turns = (seed: number): Command[] => drive(new Navigator(streets, { seed }), inner[100]!, 4000).map((n) => n.command);
    expect(turns(1)).toEqual(turns(1));
    expect(turns(1)).not.toEqual(turns(2));
    expect(new Set(turns(1))).toEqual(new Set([1, 2, 3, 4]));
  });

  it("does not lead to the map's edge where there is another way", () => {
    for (let seed = 0; seed < 5; seed++) {
      const said = drive(new Navigator(streets, { seed }), inner[seed * 7]!, 3000);
      expect(said.every((now) => now.distanceToTurnM < Infinity)).toBe(true);
    }
  });

  it("goes straight ahead on the scenarios' road", () => {
    const { player } = shippedScenario("double-intersection");
    const navigator = new Navigator(streets, { seed: 9, turns: "straight" });
    const commands = new Set<Command>();
    for (let k = 0; k < 300; k++) commands.add(navigator.update(player.xM - k, player.yM, player.yawRad).command);
    expect(commands).toEqual(new Set([Command.straight, Command.followLane]));
    expect(navigator.replans).toBe(0);
  });

  it("plans anew once for who goes straight on where a turn was announced, before the crossing's end", () => {
    const start = inner[200]!;
    const navigator = new Navigator(streets, { seed: seedThatTurns(start) });
    const straight = streets.lane(start.successors.find((id) => streets.lane(id).turn === Command.straight)!);
    follow(navigator, start);
    expect(navigator.replans).toBe(0);
    follow(navigator, straight);
    expect(navigator.replans).toBe(1);
    follow(navigator, streets.lane(straight.successors[0]!));
    expect(navigator.replans).toBe(1);
    expect(navigator.wayLaneIds[0]).toBe(straight.successors[0]);
  });

  it("does not plan anew for who cuts a corner or takes it wide by a metre and a half", () => {
    for (const asideM of [-1.5, 1.5]) {
      const navigator = new Navigator(streets, { seed: seedThatTurns(inner[200]!) });
      follow(navigator, inner[200]!, asideM);
      const [, corner, exit] = navigator.wayLaneIds.map((laneId) => streets.lane(laneId));
      for (const lane of [corner!, exit!]) follow(navigator, lane, asideM);
      expect(navigator.replans).toBe(0);
    }
  });

  it("does not plan anew for who swerves within the street", () => {
    const lane = inner[300]!;
    const navigator = new Navigator(streets, { seed: 1 });
    for (let alongM = 0; alongM < lane.shape.lengthM - 5; alongM++) {
      const [xM, yM] = lane.shape.at(alongM);
      const { yawRad } = lane.shape.project(xM, yM);
      const aside = 5 * Math.sin(alongM / 6);
      navigator.update(xM - aside * Math.sin(yawRad), yM + aside * Math.cos(yawRad), yawRad + 0.5 * Math.cos(alongM / 6));
    }
    expect(navigator.replans).toBe(0);
  });

  it("says to follow the lane, with no turn ahead, where the way ends at the map's edge", () => {
    const edge = streets.lanes.find((lane) => lane.successors.length === 0)!;
    const now = new Navigator(streets, { seed: 1 }).update(...edge.shape.at(1), edge.shape.project(...edge.shape.at(1)).yawRad);
    expect(now).toMatchObject({ command: Command.followLane, distanceToTurnM: Infinity, laneId: edge.laneId });
  });

  it("starts a new way after a reset without calling it a replan", () => {
    const navigator = new Navigator(streets, { seed: 1 });
    drive(navigator, inner[5]!, 50);
    navigator.reset();
    drive(navigator, inner[400]!, 50);
    expect(navigator.replans).toBe(0);
  });
});

/** Drive along a lane, at a distance to the right of its centre. */
function follow(navigator: Navigator, lane: Lane, asideM = 0): void {
  for (let alongM = 0; alongM < lane.shape.lengthM; alongM++) {
    const [xM, yM] = lane.shape.at(alongM);
    const { yawRad } = lane.shape.project(xM, yM);
    navigator.update(xM - asideM * Math.sin(yawRad), yM + asideM * Math.cos(yawRad), yawRad);
  }
}

/** A seed with which the first crossing is not gone straight through. */
function seedThatTurns(start: Lane): number {
  const [xM, yM] = start.shape.start;
  const { yawRad } = start.shape.project(xM, yM);
  const turns = (seed: number): boolean => {
    const { nextTurn } = new Navigator(streets, { seed }).update(xM, yM, yawRad);
    return nextTurn === Command.left || nextTurn === Command.right;
  };
  return [1, 2, 3, 4, 5, 6, 7, 8].find(turns) ?? 0;
}

describe("seeded random numbers", () => {
  it("are even, and the same for the same seed", () => {
    const [one, other] = [seededRandom(42), seededRandom(42)];
    const numbers = Array.from({ length: 2000 }, one);
    expect(numbers).toEqual(Array.from({ length: 2000 }, other));
    expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true);
    expect(numbers.reduce((sum, n) => sum + n, 0) / 2000).toBeCloseTo(0.5, 1);
  });
});
