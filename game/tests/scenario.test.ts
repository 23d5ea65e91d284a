/** Paths, waves, outcomes and chains of staged scenarios. */

import { describe, expect, it } from "vitest";

import { worldPoint } from "../src/axes";
import { ScenarioChain } from "../src/scenario/chain";
import { ScenarioRun } from "../src/scenario/engine";
import { Bezier } from "../src/scenario/path";
import { type Scenario, scenarioOf } from "../src/scenario/stage";
import { HALF_PI } from "../src/trig";
import { scenarioIds, shippedScenario } from "./world_data";

const CAR = {
  id: "car",
  type: "vehicle",
  color: "#ff8000",
  dimensions: { width: 2, height: 1.5, depth: 4 },
  trajectory: [
    { time: 1, x: 0, z: 0, rotation: 0 },
    { time: 5, x: 0, z: -40, rotation: 0 },
  ],
};

function scenario(changes: object = {}): Scenario {
  const file = {
    version: 1,
    id: "test",
    name: "Test",
    description: "",
    duration: 10,
    playerSpawn: { x: 3, z: 4, rotation: 0.5, initialSpeed: 5 },
    successCondition: { type: "no_collision" },
    entities: [CAR],
  };
  return scenarioOf({ ...file, ...changes }, "test.json");
}

const FAR = [1000, 1000] as const;

describe("shipped scenarios", () => {
  it.each(scenarioIds())("%s can be played and is called by its file's name", (id) => {
    expect(shippedScenario(id).id).toBe(id);
  });

  it("follow each other in a circle of eleven", () => {
    const chain = new ScenarioChain("oncoming-traffic", shippedScenario);
    const played: string[] = [];
    let elapsedS = -0.5;
    while (played.length < 11) {
      elapsedS += 0.5;
      if (chain.step(elapsedS, ...FAR)) played.push(chain.run?.scenario.id ?? "");
    }
    expect(new Set(played).size).toBe(11);
    expect(played.at(-1)).toBe("oncoming-traffic");
    const durationS = chain.done.reduce((sum, run) => sum + run.scenario.durationS, 0);
    expect(chain.run?.actors.length).toBe(0);
    expect(elapsedS).toBe(durationS);
    expect(chain.done.length).toBe(11);
  });
});

describe("a chain", () => {
  it("ends where no scenario follows", () => {
    const chain = new ScenarioChain("test", () => scenario());
    expect(chain.step(10, ...FAR)).toBe(false);
    expect(chain.run).toBeNull();
    expect(chain.step(11, ...FAR)).toBe(false);
  });
});

describe("an entity", () => {
  it("is there from its first point and holds its last", () => {
    const run = new ScenarioRun(scenario());
    const seen = [0, 0.9, 1, 3, 5, 8].map((tS) => {
      run.step(tS, ...FAR);
      return run.actors.map((actor) => [actor.xM, actor.speedMps]);
    });
    expect(seen).toEqual([[], [], [[0, 10]], [[20, 10]], [[40, 0]], [[40, 0]]]);
  });

  it("shows brake lights while it slows down", () => {
    const points = [[0, 0], [1, -10], [2, -15], [3, -20]].map(([time, z]) => ({ time, x: 0, z, rotation: 0 }));
    const run = new ScenarioRun(scenario({ entities: [{ ...CAR, trajectory: points }] }));
    const braking = [0.5, 0.9, 1.5, 2.5, 4].map((tS) => {
      run.step(tS, ...FAR);
      return run.actors[0]?.braking;
    });
    expect(braking).toEqual([false, false, true, false, true]);
  });

  it("goes away at its end where the file says so", () => {
    const run = new ScenarioRun(scenario({ entities: [{ ...CAR, afterEnd: "remove" }] }));
    run.step(4.9, ...FAR);
    expect(run.actors.length).toBe(1);
    run.step(5, ...FAR);
    expect(run.actors.length).toBe(0);
  });

  it("has the file's size and colour, and brakes where it stands", () => {
    const run = new ScenarioRun(scenario(), { firstActorId: 40 });
    run.step(6, ...FAR);
    expect(run.actors[0]).toMatchObject({
      actorId: 40, name: "car", kind: "vehicle", typeId: "vehicle.minitown.car",
      rgb: [255, 128, 0], lengthM: 4, widthM: 2, heightM: 1.5, braking: true,
    });
  });

  it("stands still once the scenario is lost, where the game wants that", () => {
    const [free, frozen] = [new ScenarioRun(scenario()), new ScenarioRun(scenario(), { freezeOnLoss: true })];
    const places = [free, frozen].map((run) => {
      run.step(2, ...FAR);
      run.countContacts(1);
      run.step(4, ...FAR);
      return run.actors[0]?.xM;
    });
    expect(places).toEqual([30, 10]);
  });
});

describe("a scenario", () => {
  it("starts the player in world axes and knows what the file says about lights and what follows", () => {
    const staged = scenario({ signals: "playerGreen", next: "cut-in" });
    expect(staged.player).toEqual({ xM: -4, yM: 3, yawRad: -0.5, speedMps: 5 });
    expect([staged.holdsGreen, staged.nextId]).toEqual([true, "cut-in"]);
    expect([scenario().holdsGreen, scenario().nextId]).toEqual([false, null]);
  });

  it("without collision is lost at the first contact and won without", () => {
    const [lost, won] = [new ScenarioRun(scenario()), new ScenarioRun(scenario())];
    lost.countContacts(1);
    lost.countContacts(2);
    for (const run of [lost, won]) run.step(10, ...FAR);
    expect([lost.state, lost.contacts, won.state]).toEqual(["lost", 3, "won"]);
  });

  it("with a target is won there, and a timeout is no win", () => {
    const successCondition = { type: "reach_position", target: { x: 10, z: 0, radius: 3 } };
    const [there, late] = [new ScenarioRun(scenario({ successCondition })), new ScenarioRun(scenario({ successCondition }))];
    there.step(4, ...worldPoint(12, 0));
    for (const run of [there, late]) run.step(10, ...FAR);
    expect([there.outcome, late.outcome]).toEqual(["won", "timeout"]);
  });

  it("to be survived is won in spite of contacts", () => {
    const run = new ScenarioRun(scenario({ successCondition: { type: "survive_duration" } }));
    run.countContacts(1);
    run.step(10, ...FAR);
    expect([run.outcome, run.over, run.contacts]).toEqual(["won", true, 1]);
  });
});

describe("a wave", () => {
  const waiting = (trigger: object): ScenarioRun =>
    new ScenarioRun(scenario({ duration: 60, waves: [{ id: "w", trigger, entities: ["car"] }] }));

  /** The player drives along X; gives where it was when the wave's clock began. */
  function firesAt(run: ScenarioRun): number | null {
    for (let k = 0; k < 100; k++) {
      const xM = -20 + 0.5 * k;
      run.step(k * 0.05, xM, 0);
      if (run.poseAt("car", k * 0.05 + 1) !== null) return xM;
    }
    return null;
  }

  it("fires near a place", () => {
    expect(firesAt(waiting({ type: "distance", within: 10, place: [0, 0] }))).toBe(-10);
  });

  it("fires in a rectangle, its edge included", () => {
    expect(firesAt(waiting({ type: "position", low: [-5, -5], high: [5, 5] }))).toBe(-5);
  });

  it("fires near an entity that is there", () => {
    const cone = { ...CAR, id: "cone", trajectory: [{ time: 0, x: 0, z: -8, rotation: 0 }] };
    const waves = [{ id: "w", trigger: { type: "distance", within: 4, entity: "cone" }, entities: ["car"] }];
    expect(firesAt(new ScenarioRun(scenario({ duration: 60, entities: [CAR, cone], waves })))).toBe(4);
  });

  it("does not fire near an entity that has not begun", () => {
    const later = { ...CAR, id: "later", trajectory: [{ time: 50, x: 0, z: 0, rotation: 0 }] };
    const waves = [{ id: "w", trigger: { type: "distance", within: 400, entity: "later" }, entities: ["car"] }];
    expect(firesAt(new ScenarioRun(scenario({ duration: 60, entities: [CAR, later], waves })))).toBeNull();
  });

  it("fires once and goes on when the player has left", () => {
    const run = waiting({ type: "distance", within: 10, place: [0, 0] });
    run.step(2, 0, 0);
    run.step(5, ...FAR);
    expect(run.actors.map((actor) => actor.xM)).toEqual([20]);
  });

  it("has a clock that starts at its own time, not at the tick's", () => {
    const run = waiting({ type: "time", time: 2 });
    run.step(4, ...FAR);
    expect(run.actors.map((actor) => actor.xM)).toEqual([10]);
  });
});

describe("a Bezier", () => {
  const bend = new Bezier(2, 6, [[0, 0], [10, 0], [20, 10], [20, 20]]);

  it("goes from its first to its last point", () => {
    expect([bend.at(2).xM, bend.at(2).yM]).toEqual([0, 0]);
    expect(bend.at(6).xM).toBeCloseTo(20, 9);
    expect(bend.at(6).yM).toBeCloseTo(20, 9);
  });

  it("heads along its tangent", () => {
    expect(bend.at(2).yawRad).toBeCloseTo(0, 2);
    expect(bend.at(6).yawRad).toBeCloseTo(HALF_PI, 2);
  });

  it("is driven at constant speed", () => {
    const { speedMps } = bend.at(3);
    const places = Array.from({ length: 401 }, (_, k) => bend.at(2 + k / 100));
    for (const [index, place] of places.slice(1).entries()) {
      const before = places[index]!;
      const stepM = Math.hypot(place.xM - before.xM, place.yM - before.yM);
      expect(Math.abs(stepM * 100 - speedMps)).toBeLessThan(0.06 * speedMps);
    }
  });

  it("stands still on one point", () => {
    const still = new Bezier(0, 1, [[3, 4], [3, 4], [3, 4], [3, 4]]);
    expect(still.at(0.5)).toEqual({ xM: 3, yM: 4, yawRad: 0, speedMps: 0 });
  });
});

describe("a heading", () => {
  it("turns the short way round", () => {
    const trajectory = [{ time: 0, x: 0, z: 0, rotation: 3 }, { time: 2, x: 0, z: 1, rotation: -3 }];
    const run = new ScenarioRun(scenario({ entities: [{ ...CAR, trajectory }] }));
    run.step(1, ...FAR);
    expect(Math.abs(Math.cos(run.actors[0]!.yawRad))).toBeCloseTo(1, 6);
  });
});
