/** The files that Python and the game share, read for tests. */

import { readdirSync, readFileSync } from "node:fs";

import { cityWalls } from "../src/collision/city_walls";
import type { StaticIndex } from "../src/collision/footprints";
import { type StreetNetwork, streetNetwork } from "../src/navigation/network";
import { type CarLimits, carLimits } from "../src/physics/car";
import { type ControlSettings, controlSettings } from "../src/physics/keyboard";
import { type Scenario, scenarioOf } from "../src/scenario/stage";

const FOLDER = new URL("../../world/data/", import.meta.url);

/** A file's content; what it holds is for the reader to check. */
export function worldData(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));
}

export function shippedLimits(): CarLimits {
  return carLimits(worldData("car.json"));
}

export function shippedControls(): ControlSettings {
  return controlSettings(worldData("controls.json"));
}

export function shippedWalls(): StaticIndex {
  return cityWalls(worldData("city.json"));
}

export function shippedStreets(): StreetNetwork {
  return streetNetwork(worldData("streets.json"));
}

export function shippedScenario(id: string): Scenario {
  return scenarioOf(worldData(`scenarios/${id}.json`), `${id}.json`);
}

export function scenarioIds(): string[] {
  return readdirSync(new URL("scenarios/", FOLDER)).map((name) => name.replace(/\.json$/, "")).sort();
}
