/** The own trigonometry against the engine's: right to the last bits, whatever those of the engine are. */

import { describe, expect, it } from "vitest";

import { gamePoint, gameRotation, worldPoint, worldYaw } from "../src/axes";
import { atan2, cos, hypot, PI, sin, tan, wrap } from "../src/trig";

const angles = Array.from({ length: 400 }, (_, k) => (k - 200) * 0.0731);

describe("trigonometry", () => {
  it("agrees with the engine's", () => {
    for (const angle of angles) {
      expect(sin(angle)).toBeCloseTo(Math.sin(angle), 14);
      expect(cos(angle)).toBeCloseTo(Math.cos(angle), 14);
      if (Math.abs(Math.cos(angle)) > 0.05) expect(tan(angle)).toBeCloseTo(Math.tan(angle), 11);
    }
  });

  it("finds the angle of every vector", () => {
    for (const angle of angles) {
      const [y, x] = [3 * Math.sin(angle), 3 * Math.cos(angle)];
      expect(atan2(y, x)).toBeCloseTo(Math.atan2(y, x), 13);
      expect(hypot(x, y)).toBeCloseTo(3, 13);
    }
    expect([atan2(0, 0), atan2(1, 0), atan2(-1, 0), atan2(0, -1)]).toEqual([0, PI / 2, -PI / 2, PI]);
  });

  it("wraps to [-pi, pi)", () => {
    for (const angle of angles) {
      const wrapped = wrap(angle);
      expect(wrapped).toBeGreaterThanOrEqual(-PI);
      expect(wrapped).toBeLessThan(PI);
      expect(Math.cos(wrapped)).toBeCloseTo(Math.cos(angle), 12);
    }
    expect(wrap(PI)).toBe(-PI);
  });
});

describe("axes", () => {
  it("come back after two turns", () => {
    expect(gamePoint(...worldPoint(3, -7))).toEqual([3, -7]);
    expect(gameRotation(worldYaw(0.3))).toBe(0.3);
  });

  it("have the driver's forward along X and right along Y", () => {
    expect(worldPoint(0, -10)).toEqual([10, 0]);
    expect(worldPoint(10, 0)[1]).toBe(10);
  });
});
