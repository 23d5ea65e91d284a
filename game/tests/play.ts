/** Plays a reference drive and writes down what Python's `world/parity/drives.py` writes down. */

import { StaticIndex } from "../src/collision/footprints";
import { Keyboard, type Keys, NO_KEYS } from "../src/physics/keyboard";
import { Simulation } from "../src/simulation";
import type { DriveCase, Event, Row } from "./parity_cases";
import { shippedControls, shippedLimits, shippedScenario, shippedWalls } from "./world_data";

export interface Played {
  readonly samples: readonly Row[];
  readonly crowds: readonly Row[];
  readonly events: readonly Event[];
}

const limits = shippedLimits();
const cityWalls = shippedWalls();
const noWalls = new StaticIndex([]);

/** All samples and events of a drive. */
export function play(drive: DriveCase): Played {
  const simulation = simulationOf(drive);
  const keyboard = new Keyboard(limits, shippedControls());
  const changes = new Map(drive.keys);
  const mouse = new Map(drive.mouse);
  const seen = { decided: false, over: false };
  const samples: Row[] = [];
  const crowds: Row[] = [];
  const events: Event[] = [];
  let keys = NO_KEYS;
  const dtS = 1 / drive.ticksPerS;
  for (let tick = 0; tick < drive.ticks; tick++) {
    const change = changes.get(tick);
    if (change !== undefined) keys = keysOf(change);
    simulation.step(keyboard.controls(keys, dtS, mouse.get(tick) ?? 0), dtS);
    events.push(...eventsOf(simulation, seen));
    if (simulation.tick % drive.sampleEvery !== 0 && simulation.tick !== drive.ticks) continue;
    samples.push(sampleOf(simulation));
    if (simulation.actors.length > 0) crowds.push(crowdOf(simulation));
  }
  return { samples, crowds, events };
}

export function keysOf(held: string): Keys {
  return { w: held.includes("w"), a: held.includes("a"), s: held.includes("s"), d: held.includes("d") };
}

function simulationOf(drive: DriveCase): Simulation {
  const [xM, yM, yawRad, speedMps] = drive.start;
  return new Simulation({
    limits,
    walls: drive.kind === "free" ? noWalls : cityWalls,
    start: { xM, yM, yawRad, speedMps },
    scenario: drive.scenario === null ? null : shippedScenario(drive.scenario),
  });
}

function eventsOf(simulation: Simulation, seen: { decided: boolean; over: boolean }): Event[] {
  const { tick, contacts, outcome } = simulation;
  const events: Event[] = contacts.actors.map((actor) => [tick, "contact", actor.name]);
  if (contacts.wall) events.push([tick, "wall", ""]);
  const run = simulation.scenario ?? simulation.finished[0];
  if (run === undefined) return events;
  if (outcome !== null && !seen.decided) {
    seen.decided = true;
    events.push([tick, outcome, run.scenario.id]);
  }
  if (run.over && !seen.over) {
    seen.over = true;
    events.push([tick, "over", run.scenario.id]);
  }
  return events;
}

function sampleOf({ tick, car }: Simulation): Row {
  return [tick, car.xM, car.yM, car.yawRad, car.speedMps, car.steerRad];
}

function crowdOf({ tick, actors }: Simulation): Row {
  let [xM, yM, yawRad, speedMps] = [0, 0, 0, 0];
  for (const actor of actors) {
    xM += actor.xM;
    yM += actor.yM;
    yawRad += actor.yawRad;
    speedMps += actor.speedMps;
  }
  return [tick, actors.length, xM, yM, yawRad, speedMps];
}
