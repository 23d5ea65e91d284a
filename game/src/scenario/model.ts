/**
 * The scenario file: what Python and the browser read, in the game's axes (x, z, rotation).
 *
 * The format is `world/data/schemas/scenario.schema.json`; what a schema cannot say is in `check`.
 * Times are seconds, lengths metres, angles radians, as the file's names have them.
 */

import type { ActorKind } from "../actors";
import { checkScenario } from "./check";
import { ScenarioError } from "./errors";
import {
  FieldError,
  listOf,
  nullable,
  number,
  objectOf,
  oneOf,
  optional,
  pairOf,
  recordOf,
  required,
  text,
  textLike,
  textOfLength,
  type At,
  type Check,
} from "./fields";

/** x, z. */
export type Place = readonly [x: number, z: number];

/** Where an entity is at a moment of its own clock; straight lines between, the short way round. */
export interface Waypoint {
  readonly time: number;
  readonly x: number;
  readonly z: number;
  readonly rotation: number;
}

/** A stretch of path, driven at constant speed: a line of 2 points or a cubic Bezier of 4. */
export interface Segment {
  readonly type: "line" | "bezier";
  readonly points: readonly Place[];
  readonly duration: number;
}

/** Segments one after another; the heading is the path's direction. */
export interface Path {
  readonly startTime: number;
  readonly segments: readonly Segment[];
}

/** Width across, height upwards, depth along the heading. */
export interface Dimensions {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
}

/** Something staged; it has either a trajectory or a path, and is not there before it begins. */
export interface Entity {
  readonly id: string;
  readonly type: ActorKind;
  readonly color: string;
  readonly dimensions: Dimensions;
  readonly trajectory: readonly Waypoint[] | null;
  readonly path: Path | null;
  readonly afterEnd: "hold" | "remove";
}

/** Fires at a time of the scenario. */
export interface TimeTrigger {
  readonly type: "time";
  readonly time: number;
}

/** Fires when the player is near a place or an entity. */
export interface DistanceTrigger {
  readonly type: "distance";
  readonly within: number;
  readonly place: Place | null;
  readonly entity: string | null;
}

/** Fires when the player is in a rectangle: corners of lowest and highest x and z. */
export interface PositionTrigger {
  readonly type: "position";
  readonly low: Place;
  readonly high: Place;
}

export type Trigger = TimeTrigger | DistanceTrigger | PositionTrigger;

/** Entities whose clocks start when a trigger fires. */
export interface Wave {
  readonly id: string;
  readonly trigger: Trigger;
  readonly entities: readonly string[];
}

/** Where the player starts, and how fast in m/s. */
export interface PlayerSpawn {
  readonly x: number;
  readonly z: number;
  readonly rotation: number;
  readonly initialSpeed: number;
}

/** A circle to be reached. */
export interface Target {
  readonly x: number;
  readonly z: number;
  readonly radius: number;
}

export type ConditionType = "no_collision" | "reach_position" | "survive_duration";

/** When the scenario is won. */
export interface SuccessCondition {
  readonly type: ConditionType;
  readonly target: Target | null;
}

/** One scenario; `next` names the one that follows when this one is over. */
export interface ScenarioFile {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly duration: number;
  readonly playerSpawn: PlayerSpawn;
  readonly successCondition: SuccessCondition;
  /** `playerGreen` where the lights on the player's way are green while it plays. */
  readonly signals: "city" | "playerGreen";
  readonly next: string | null;
  readonly entities: readonly Entity[];
  readonly waves: readonly Wave[];
}

const metres = number({ ge: -100000, le: 100000 });
const length = number({ gt: 0, le: 1000 });
const seconds = number({ ge: 0, le: 3600 });
const radians = number({ ge: -100, le: 100 });
const identifier = textLike(/^[a-z0-9][a-z0-9-]{0,63}$/);
const colour = textLike(/^#[0-9a-fA-F]{6}$/);
const place: Check<Place> = pairOf(metres);

const waypoint = objectOf<Waypoint>("Waypoint", {
  time: required(seconds),
  x: required(metres),
  z: required(metres),
  rotation: required(radians),
});

const segment = objectOf<Segment>("Segment", {
  type: required(oneOf("line", "bezier")),
  points: required(listOf(place, 2, 4)),
  duration: required(number({ gt: 0, le: 3600 })),
});

const path = objectOf<Path>("Path", {
  startTime: optional(seconds, 0),
  segments: required(listOf(segment, 1)),
});

const dimensions = objectOf<Dimensions>("Dimensions", {
  width: required(length),
  height: required(length),
  depth: required(length),
});

const entity = objectOf<Entity>("Entity", {
  id: required(identifier),
  type: required(oneOf<ActorKind>("vehicle", "pedestrian", "bicycle", "obstacle", "emergency_worker")),
  color: required(colour),
  dimensions: required(dimensions),
  trajectory: nullable(listOf(waypoint, 1)),
  path: nullable(path),
  afterEnd: optional<"hold" | "remove">(oneOf("hold", "remove"), "hold"),
});

const triggers: { readonly [Type in Trigger["type"]]: Check<Trigger> } = {
  time: objectOf<TimeTrigger>("TimeTrigger", { type: required(oneOf("time")), time: required(seconds) }),
  distance: objectOf<DistanceTrigger>("DistanceTrigger", {
    type: required(oneOf("distance")),
    within: required(length),
    place: nullable(place),
    entity: nullable(identifier),
  }),
  position: objectOf<PositionTrigger>("PositionTrigger", {
    type: required(oneOf("position")),
    low: required(place),
    high: required(place),
  }),
};

/** The kind of trigger that `type` names. */
function trigger(value: unknown, at: At): Trigger {
  const { type } = recordOf("Trigger", value, at);
  if (type === undefined) throw new FieldError(at, "Unable to extract tag using discriminator 'type'");
  if (type !== "time" && type !== "distance" && type !== "position") {
    const expected = Object.keys(triggers).map((name) => `'${name}'`).join(", ");
    throw new FieldError(
      at,
      `Input tag '${String(type)}' found using 'type' does not match any of the expected tags: ${expected}`,
    );
  }
  return triggers[type](value, [...at, type]);
}

const wave = objectOf<Wave>("Wave", {
  id: required(identifier),
  trigger: required<Trigger>(trigger),
  entities: required(listOf(identifier, 1)),
});

const playerSpawn = objectOf<PlayerSpawn>("PlayerSpawn", {
  x: required(metres),
  z: required(metres),
  rotation: required(radians),
  initialSpeed: required(number({ ge: 0, le: 60 })),
});

const target = objectOf<Target>("Target", {
  x: required(metres),
  z: required(metres),
  radius: required(length),
});

const successCondition = objectOf<SuccessCondition>("SuccessCondition", {
  type: required(oneOf<ConditionType>("no_collision", "reach_position", "survive_duration")),
  target: nullable(target),
});

const scenarioFile = objectOf<ScenarioFile>("ScenarioFile", {
  version: required(oneOf(1)),
  id: required(identifier),
  name: required(textOfLength(1, 80)),
  description: required(text),
  duration: required(number({ gt: 0, le: 600 })),
  playerSpawn: required(playerSpawn),
  successCondition: required(successCondition),
  signals: optional<"city" | "playerGreen">(oneOf("city", "playerGreen"), "city"),
  next: nullable(identifier),
  entities: required(listOf(entity, 1)),
  waves: optional<readonly Wave[]>(listOf(wave), []),
});

/**
 * A scenario file's content, checked.
 *
 * @param data - Parsed JSON.
 * @param source - What to call the file in messages.
 * @throws ScenarioError - Naming the file and the first field that is wrong.
 */
export function readScenario(data: unknown, source: string): ScenarioFile {
  const file = checkedShape(data, source);
  checkScenario(file);
  return file;
}

function checkedShape(data: unknown, source: string): ScenarioFile {
  try {
    return scenarioFile(data, []);
  } catch (error) {
    if (error instanceof FieldError) throw new ScenarioError(source, error.message);
    throw error;
  }
}
