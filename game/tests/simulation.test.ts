/** The game's tick: one scenario after another, contacts counted once, no dependence on the frame rate. */

import { describe, expect, it } from "vitest";

import { StaticIndex } from "../src/collision/footprints";
import type { CarControls } from "../src/physics/car";
import { Simulation } from "../src/simulation";
import { scenarioOf } from "../src/scenario/stage";
import { shippedLimits, shippedScenario, worldData } from "./world_data";

const limits = shippedLimits();
const START = { xM: 0, yM: 0, yawRad: 0, speedMps: 8 };
const COAST: CarControls = { steer: 0, throttle: 0, brake: 0 };
const FULL: CarControls = { steer: 0.1, throttle: 1, brake: 0 };
const WALL = Float64Array.of(20, -50, 25, -50, 25, 50, 20, 50);

function simulation(rings: Float64Array[] = [], scenario?: string): Simulation {
  const options = { limits, walls: new StaticIndex(rings), start: START };
  return new Simulation(scenario === undefined ? options : { ...options, scenario: shippedScenario(scenario) });
}

describe("the simulation", () => {
  it("drives to the bit the same at every tick length that is a whole number of steps", () => {
    const [at30, at60] = [simulation(), simulation()];
    for (let k = 0; k < 300; k++) at30.step(FULL, 4 / 120);
    for (let k = 0; k < 600; k++) at60.step(FULL, 2 / 120);
    expect(at30.car).toEqual(at60.car);
    expect(at30.tick * 2).toBe(at60.tick);
    expect(at30.tS).toBeCloseTo(at60.tS, 9);
  });

  it("stops at a wall, counts it once and slides along", () => {
    const sim = simulation([WALL]);
    sim.car.yawRad = 0.4;
    let events = 0;
    for (let k = 0; k < 300; k++) {
      sim.step(FULL, 1 / 60);
      events += Number(sim.contacts.wall);
    }
    expect(events).toBeGreaterThan(0);
    expect(sim.collisions).toBe(events);
    expect(sim.car.xM).toBeLessThan(20);
    expect(sim.car.yM).toBeGreaterThan(7);
  });

  it("puts the player at a scenario's start at its speed", () => {
    const sim = simulation([], "cut-in");
    const { player } = shippedScenario("cut-in");
    expect(sim.car).toEqual({ ...player, steerRad: 0, pushMps2: 0 });
    expect(sim.actors.map((actor) => actor.name)).toEqual(["car-1"]);
    expect(sim.outcome).toBeNull();
  });

  it("plays the next scenario with a clock of its own while its own goes on", () => {
    const sim = simulation([], "cut-in");
    while (sim.nextScenarioId === null) sim.step(COAST, 1 / 30);
    expect([sim.outcome, sim.nextScenarioId, sim.actors.length]).toEqual(["won", "intersection", 0]);
    const { tick } = sim;
    sim.play(shippedScenario("intersection"));
    sim.step(COAST, 1 / 30);
    expect(sim.tick).toBe(tick + 1);
    expect(sim.scenarioTS).toBeCloseTo(1 / 30, 9);
    expect([sim.outcome, sim.nextScenarioId]).toEqual([null, null]);
    expect(sim.finished.map((run) => run.scenario.id)).toEqual(["cut-in"]);
  });

  it("counts a contact anew when the same scenario is played again", () => {
    const file = worldData("scenarios/obstacle-course.json") as Record<string, unknown>;
    const [obstacle] = file["entities"] as { trajectory: object[] }[];
    const trajectory = [{ time: 0, x: -229.41, z: -530, rotation: 0 }];
    const scenario = scenarioOf({ ...file, entities: [{ ...obstacle, trajectory }] }, "touching");
    const sim = simulation();
    for (const collisions of [1, 2, 3]) {
      sim.play(scenario);
      sim.step(COAST, 1 / 60);
      expect(sim.collisions).toBe(collisions);
    }
  });

  it("loses a scenario without collision at a wall", () => {
    const { player } = shippedScenario("cut-in");
    const ahead = player.xM - 30;
    const wall = Float64Array.of(ahead - 5, -300, ahead, -300, ahead, -150, ahead - 5, -150);
    const sim = simulation([wall], "cut-in");
    for (let k = 0; k < 240; k++) sim.step(FULL, 1 / 60);
    expect(sim.outcome).toBe("lost");
    expect(sim.scenario?.contacts).toBe(sim.collisions);
  });

  it("has a contact push the car back, once, and stop it head-on for as long as it pushes", () => {
    const sim = simulation([], "obstacle-course");
    for (let k = 0; k < 600 && sim.collisions === 0; k++) sim.step({ ...COAST, throttle: 1 }, 1 / 60);
    expect(sim.contacts.actors.map((actor) => actor.name)).toEqual(["obstacle-1"]);
    expect(sim.car.speedMps).toBeLessThan(0.2);
    const { xM, yM } = sim.car;
    for (let k = 0; k < 120; k++) sim.step({ ...COAST, throttle: 1 }, 1 / 60);
    expect(sim.contacts.actors).toEqual([]);
    expect(sim.car.speedMps).toBeLessThan(0.2);
    expect(Math.hypot(sim.car.xM - xM, sim.car.yM - yM)).toBeLessThan(0.1);
  });
});
