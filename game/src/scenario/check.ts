/** The rules of a scenario file that a schema cannot say; the messages are those of Python's `check`. */

import { ScenarioError } from "./errors";
import type { DistanceTrigger, Entity, PositionTrigger, ScenarioFile, Segment, Wave, Waypoint } from "./model";

const JOIN_M = 0.01;

/**
 * Refuse what cannot be played.
 *
 * @throws ScenarioError - With the first problem found.
 */
export function checkScenario(file: ScenarioFile): void {
  for (const problem of problems(file)) throw new ScenarioError(file.id, problem);
}

function* problems(file: ScenarioFile): Generator<string> {
  const ids = file.entities.map((entity) => entity.id);
  const twice = new Set(ids.filter((name, index) => ids.indexOf(name) !== index));
  for (const name of [...twice].sort()) yield `entities: id '${name}' is used twice`;
  yield* conditionProblems(file);
  for (const entity of file.entities) yield* entityProblems(entity);
  const staged = new Set<string>();
  for (const wave of file.waves) {
    yield* waveProblems(wave, new Set(ids), staged);
    for (const name of wave.entities) staged.add(name);
  }
}

function* conditionProblems(file: ScenarioFile): Generator<string> {
  const { type, target } = file.successCondition;
  if (type === "reach_position" && target === null) {
    yield "successCondition.target: missing; reach_position needs one";
  }
  if (type !== "reach_position" && target !== null) yield `successCondition.target: ${type} has none; remove it`;
}

function* entityProblems(entity: Entity): Generator<string> {
  const where = `entities.${entity.id}`;
  if ((entity.trajectory === null) === (entity.path === null)) yield `${where}: needs either a trajectory or a path`;
  yield* timeProblems(where, entity.trajectory ?? []);
  const segments = entity.path?.segments ?? [];
  for (const [number, segment] of segments.entries()) {
    const wanted = segment.type === "line" ? 2 : 4;
    const found = segment.points.length;
    if (found !== wanted) {
      yield `${where}.path.segments.${number}: ${segment.type} has ${found} points, not ${wanted}`;
    }
  }
  yield* joinProblems(where, segments);
}

function* timeProblems(where: string, points: readonly Waypoint[]): Generator<string> {
  for (const [before, after] of pairwise(points)) {
    if (after.time > before.time) continue;
    yield `${where}.trajectory: time ${short(after.time)} s comes after ${short(before.time)} s; times must rise`;
  }
}

function* joinProblems(where: string, segments: readonly Segment[]): Generator<string> {
  for (const [number, [one, other]] of pairwise(segments).entries()) {
    const end = one.points.at(-1);
    const start = other.points[0];
    if (end === undefined || start === undefined) continue;
    if (Math.abs(end[0] - start[0]) > JOIN_M || Math.abs(end[1] - start[1]) > JOIN_M) {
      yield `${where}.path.segments.${number + 1}: begins elsewhere than segment ${number} ends`;
    }
  }
}

function* waveProblems(wave: Wave, ids: ReadonlySet<string>, staged: ReadonlySet<string>): Generator<string> {
  const where = `waves.${wave.id}`;
  for (const name of wave.entities) {
    if (!ids.has(name)) yield `${where}: there is no entity '${name}'`;
    if (staged.has(name)) yield `${where}: entity '${name}' is in an earlier wave, too`;
  }
  if (wave.trigger.type === "distance") yield* distanceProblems(where, wave.trigger, ids);
  if (wave.trigger.type === "position") yield* positionProblems(where, wave.trigger);
}

function* distanceProblems(where: string, trigger: DistanceTrigger, ids: ReadonlySet<string>): Generator<string> {
  const { place, entity } = trigger;
  if ((place === null) === (entity === null)) yield `${where}.trigger: needs either a place or an entity`;
  if (entity !== null && !ids.has(entity)) yield `${where}.trigger: there is no entity '${entity}'`;
}

function* positionProblems(where: string, { low, high }: PositionTrigger): Generator<string> {
  if (low[0] < high[0] && low[1] < high[1]) return;
  yield `${where}.trigger: low must lie below high in x and z`;
}

/** Each element with the one after it. */
function pairwise<T>(items: readonly T[]): [T, T][] {
  return items.slice(1).map((after, index) => [items[index] as T, after]);
}

/** A time to 6 significant digits, as Python's `:g` writes those of the allowed range. */
function short(timeS: number): string {
  const rounded = Number(timeS.toPrecision(6));
  if (rounded === 0 || Math.abs(rounded) >= 1e-4) return `${rounded}`;
  return rounded.toExponential().replace(/e-(\d)$/, "e-0$1");
}
