/** Walls and boxes: rules that can be said without a reference. */

import { describe, expect, it } from "vitest";

import type { Actor } from "../src/actors";
import { type Box, boxesTouch, circleTouchesBox, resolveBox } from "../src/collision/boxes";
import { cityWalls } from "../src/collision/city_walls";
import { ContactTracker } from "../src/collision/contacts";
import { ClearanceGate, StaticIndex } from "../src/collision/footprints";
import { circleHitsPolygon, distance2ToRing, pointInPolygon } from "../src/collision/polygons";
import { seededRandom } from "../src/navigation/random";

const random = seededRandom(5);
const between = (low: number, high: number): number => low + (high - low) * random();

function boxAt(xM: number, yM: number, yawRad = 0): Box {
  return { xM, yM, yawRad, lengthM: 4.4, widthM: 1.9 };
}

function actorAt(actorId: number, xM: number, yM: number): Actor {
  const looks = { name: `a-${actorId}`, kind: "vehicle", typeId: "vehicle.minitown.car", rgb: [0, 0, 0] } as const;
  return { actorId, ...looks, ...boxAt(xM, yM), heightM: 1.5, speedMps: 0, braking: false };
}

const SQUARE = Float64Array.of(0, 0, 10, 0, 10, 10, 0, 10);

describe("boxes", () => {
  it("do not touch any more after the push that resolves them", () => {
    for (let k = 0; k < 300; k++) {
      const a = boxAt(between(-4, 4), between(-4, 4), between(-7, 7));
      const b = boxAt(0, 0, between(-7, 7));
      const [dx, dy] = resolveBox(a, b);
      expect(boxesTouch(a, b)).toBe(dx !== 0 || dy !== 0);
      const apart = { ...a, xM: a.xM + dx * 1.000001, yM: a.yM + dy * 1.000001 };
      if (dx !== 0 || dy !== 0) expect(boxesTouch(apart, b)).toBe(false);
    }
  });

  it("meet a circle from the side and from the corner", () => {
    expect(circleTouchesBox(3, 0, 0.81, boxAt(0, 0))).toBe(true);
    expect(circleTouchesBox(3, 0, 0.79, boxAt(0, 0))).toBe(false);
    expect(circleTouchesBox(3, 1.75, 1.1, boxAt(0, 0))).toBe(false);
  });
});

describe("polygons", () => {
  it("know inside, outside and the distance between", () => {
    expect(pointInPolygon(5, 5, SQUARE)).toBe(true);
    expect(pointInPolygon(11, 5, SQUARE)).toBe(false);
    expect(distance2ToRing(13, 14, SQUARE)).toBe(25);
    expect(distance2ToRing(5, -2, SQUARE)).toBe(4);
  });

  it("meet a circle at an edge or around its centre", () => {
    expect(circleHitsPolygon(11, 5, 1, SQUARE)).toBe(true);
    expect(circleHitsPolygon(11.1, 5, 1, SQUARE)).toBe(false);
    expect(circleHitsPolygon(5, 5, 0.1, SQUARE)).toBe(true);
  });
});

describe("the gate", () => {
  it("never calls a place clear where the car's circle meets a wall", () => {
    const index = new StaticIndex([SQUARE, Float64Array.of(30, -5, 40, -5, 35, 20)]);
    const gate = new ClearanceGate(index, 2);
    let [x, y] = [-20, -20];
    for (let k = 0; k < 3000; k++) {
      x = Math.min(60, Math.max(-30, x + between(-1, 1.05)));
      y = Math.min(40, Math.max(-30, y + between(-1, 1.05)));
      if (gate.isClear(x, y)) expect(index.hitsCircle(x, y, 1.999999)).toBe(-1);
    }
  });
});

describe("walls that repeat", () => {
  const ring = Float64Array.of(40, -5, 49, -5, 49, 5, 40, 5);
  const index = new StaticIndex([ring, SQUARE], [100, 60]);

  it("answer the same everywhere, as far away as one drives", () => {
    for (const [x, y] of [[44, 0], [44, 4.9], [39, 0], [-49, 2], [0, 28], [3, -3]] as const) {
      for (const [columns, rows] of [[1, 0], [0, -1], [-7, 12], [40, 40]] as const) {
        const [farX, farY] = [x + 100 * columns, y + 60 * rows];
        expect(index.hitsCircle(farX, farY, 2)).toBe(index.hitsCircle(x, y, 2));
        expect(index.hitsBox(farX, farY, 0.3, 4, 2)).toBe(index.hitsBox(x, y, 0.3, 4, 2));
        expect(index.contains(farX, farY)).toBe(index.contains(x, y));
        expect(index.clearanceM(farX, farY, 25)).toBeCloseTo(index.clearanceM(x, y, 25), 9);
      }
    }
  });

  it("stand across the home tile's edge, too", () => {
    expect(index.clearanceM(-49.5, 0, 25)).toBeCloseTo(1.5, 9);
    expect(index.hitsCircle(-50, 0, 2)).toBe(0);
    expect(index.size).toBe(2);
  });

  it("cannot be asked about farther than their copies stand", () => {
    expect(() => index.clearanceM(0, 0, 65)).toThrow("a look of 65 m is too far where walls repeat (limit 64 m)");
  });
});

describe("contacts", () => {
  it("are one event until the boxes are clearly apart", () => {
    const tracker = new ContactTracker();
    const other = actorAt(7, 0, 0);
    const begun = [8, 4, 4.65, 4, 4.75, 4].map((xM) => tracker.update(boxAt(xM, 0), [other]).length);
    expect(begun).toEqual([0, 1, 0, 0, 0, 1]);
    expect(tracker.touching).toEqual([other]);
  });
});

describe("city walls", () => {
  it("are one ring per building, clockwise seen from above, not closed", () => {
    const square = [[0, 0], [0, 10], [10, 10], [10, 0], [0, 0]];
    const buildings = [{ vertices: square }, { vertices: square.slice().reverse() }];
    const walls = cityWalls({ buildings, tileWidth: 100, tileDepth: 100 });
    expect(walls.size).toBe(2);
    expect(walls.contains(-5, 5)).toBe(true);
    expect(walls.contains(5, 5)).toBe(false);
  });

  it.each([
    [{}, "city.json: buildings: missing or no list"],
    [{ buildings: [], tileWidth: 10 }, "city.json: tileWidth, tileDepth: must be lengths above 0"],
    [{ buildings: [{}] }, "city.json: buildings[0].vertices: missing or no list"],
    [{ buildings: [{ vertices: [[0, 0], [1], [1, 1]] }] }, "city.json: buildings[0].vertices[1]: must be two numbers (it is [1])"],
    [{ buildings: [{ vertices: [[0, 0], [1, 1], [0, 0]] }] }, "city.json: buildings[0].vertices: 2 distinct points (minimum 3)"],
    [{ buildings: [{ vertices: [[0, 0], [1, 1], [2, 2], [0, 0]] }] }, "city.json: buildings[0].vertices: the outline has no area"],
  ])("are refused where the file is wrong: %j", (city, message) => {
    expect(() => cityWalls(city)).toThrow(message);
  });
});
