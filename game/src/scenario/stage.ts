/** A scenario ready to be played: world axes, motions computed, triggers resolved. */

import type { ActorKind } from "../actors";
import { worldPoint, worldYaw } from "../axes";
import { type ConditionType, type Entity, readScenario, type ScenarioFile, type Trigger } from "./model";
import { type Motion, motionOf, type Pose } from "./path";

const TYPE_IDS: Partial<Record<ActorKind, string>> = {
  pedestrian: "walker.pedestrian.minitown",
  bicycle: "vehicle.minitown.bicycle",
  obstacle: "static.prop.obstacle",
  emergency_worker: "walker.pedestrian.worker",
};
const LONG_VEHICLE_M = 5.5;

/** One entity: what it looks like, how it moves, and the wave it waits for (-1: none). */
export interface Role {
  readonly name: string;
  readonly kind: ActorKind;
  readonly typeId: string;
  readonly rgb: readonly [red: number, green: number, blue: number];
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
  readonly motion: Motion;
  readonly wave: number;
}

/** A circle in the world. */
export interface TargetCircle {
  readonly xM: number;
  readonly yM: number;
  readonly radiusM: number;
}

/** A whole scenario. */
export interface Scenario {
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** What to do in it. */
  readonly description: string;
  /** When it is over. */
  readonly durationS: number;
  /** The player's start. */
  readonly player: Pose;
  readonly roles: readonly Role[];
  /** One per wave. */
  readonly triggers: readonly Trigger[];
  readonly condition: ConditionType;
  readonly target: TargetCircle | null;
  /** The lights on the player's way are green while it plays. */
  readonly holdsGreen: boolean;
  readonly nextId: string | null;
}

/**
 * The scenario in a file's content.
 *
 * @param data - Parsed JSON.
 * @param source - What to call the file in messages.
 * @throws ScenarioError - Naming the file and the first field that is wrong.
 */
export function scenarioOf(data: unknown, source: string): Scenario {
  return stage(readScenario(data, source));
}

/** Make a checked file ready to be played. */
export function stage(file: ScenarioFile): Scenario {
  const waveOf = new Map(file.waves.flatMap((wave, number) => wave.entities.map((name) => [name, number] as const)));
  return {
    id: file.id,
    name: file.name,
    description: file.description,
    durationS: file.duration,
    player: playerOf(file),
    roles: file.entities.map((entity) => roleOf(entity, waveOf.get(entity.id) ?? -1)),
    triggers: file.waves.map((wave) => wave.trigger),
    condition: file.successCondition.type,
    target: targetOf(file),
    holdsGreen: file.signals === "playerGreen",
    nextId: file.next,
  };
}

function playerOf({ playerSpawn }: ScenarioFile): Pose {
  const [xM, yM] = worldPoint(playerSpawn.x, playerSpawn.z);
  return { xM, yM, yawRad: worldYaw(playerSpawn.rotation), speedMps: playerSpawn.initialSpeed };
}

function targetOf({ successCondition: { target } }: ScenarioFile): TargetCircle | null {
  if (target === null) return null;
  const [xM, yM] = worldPoint(target.x, target.z);
  return { xM, yM, radiusM: target.radius };
}

function roleOf(entity: Entity, wave: number): Role {
  const long = entity.dimensions.depth > LONG_VEHICLE_M;
  return {
    name: entity.id,
    kind: entity.type,
    typeId: TYPE_IDS[entity.type] ?? (long ? "vehicle.minitown.truck" : "vehicle.minitown.car"),
    rgb: [channel(entity.color, 1), channel(entity.color, 3), channel(entity.color, 5)],
    lengthM: entity.dimensions.depth,
    widthM: entity.dimensions.width,
    heightM: entity.dimensions.height,
    motion: motionOf(entity),
    wave,
  };
}

function channel(colour: string, start: number): number {
  return Number.parseInt(colour.slice(start, start + 2), 16);
}
