/** An entity's way: from a trajectory to a path and back, and the path's segments. */

import type { Place } from "../scenario/model";
import { centimetres } from "./edits";
import { placeAt } from "./handles";
import { headingPlace, rotationTowards } from "./heading";
import { type Json, listAt, numberAt, withValue } from "./json";

export const SEGMENTS = ["line", "bezier"] as const;
export type SegmentKind = (typeof SEGMENTS)[number];

const NEW_LENGTH_M = 20;
const NEW_SEGMENT_S = 4;

/** The trajectory as a path of straight lines, with the same places and times; one point gets a way ahead. */
export function withPath(file: Json, entity: number): Json {
  const at = ["entities", entity];
  const points = listAt(file, [...at, "trajectory"]).map((point) => ({
    place: placeAt(point, []) ?? ([0, 0] as const),
    timeS: numberAt(point, ["time"]) ?? 0,
    rotation: numberAt(point, ["rotation"]) ?? 0,
  }));
  const [first] = points;
  if (first === undefined) return file;
  const segments = points.slice(1).map(({ place, timeS }, k): Json => {
    const from = points[k] ?? first;
    return { type: "line", points: [[...from.place], [...place]], duration: timeS - from.timeS };
  });
  if (segments.length === 0) segments.push(newSegment("line", first.place, first.rotation));
  const path = { ...(first.timeS === 0 ? {} : { startTime: first.timeS }), segments };
  return withValue(withValue(file, [...at, "trajectory"], undefined), [...at, "path"], path);
}

/** The path as a trajectory: a waypoint at each segment's start, and at the end. */
export function withTrajectory(file: Json, entity: number): Json {
  const at = ["entities", entity];
  const segments = listAt(file, [...at, "path", "segments"]);
  let time = numberAt(file, [...at, "path", "startTime"]) ?? 0;
  const trajectory = segments.flatMap((segment, k): Json[] => {
    const ends = endsOf(segment);
    const rotation = rotationTowards(...ends);
    const point = ([x, z]: Place): Json => ({ time, x, z, rotation: Math.round(rotation * 1e5) / 1e5 });
    const start = point(ends[0]);
    time += numberAt(segment, ["duration"]) ?? NEW_SEGMENT_S;
    return k === segments.length - 1 ? [start, point(ends[1])] : [start];
  });
  return withValue(withValue(file, [...at, "path"], undefined), [...at, "trajectory"], trajectory);
}

/** One more segment at a path's end, straight on. */
export function withSegment(file: Json, entity: number, kind: SegmentKind): Json {
  const at = ["entities", entity, "path", "segments"];
  const segments = listAt(file, at);
  const last = segments.at(-1);
  if (last === undefined) return file;
  const points = listAt(last, ["points"]);
  const end = endsOf(last)[1];
  const before = placeAt(last, ["points", points.length - 2]) ?? end;
  return withValue(file, at, [...segments, newSegment(kind, end, rotationTowards(before, end))]);
}

/** One segment fewer; what comes after begins where what comes before ends. */
export function withoutSegment(file: Json, entity: number, segment: number): Json {
  const at = ["entities", entity, "path", "segments"];
  const before = listAt(file, at)[segment - 1];
  const left = withValue(file, [...at, segment], undefined);
  if (before === undefined || listAt(left, at)[segment] === undefined) return left;
  return withValue(left, [...at, segment, "points", 0], [...endsOf(before)[1]]);
}

function newSegment(kind: SegmentKind, from: Place, rotation: number): Json {
  const steps = kind === "line" ? 1 : 3;
  const points = Array.from({ length: steps + 1 }, (_, k): Json => {
    if (k === 0) return [...from];
    return headingPlace(from, rotation, (k * NEW_LENGTH_M) / steps).map(centimetres);
  });
  return { type: kind, points, duration: NEW_SEGMENT_S };
}

function endsOf(segment: Json): readonly [start: Place, end: Place] {
  const last = listAt(segment, ["points"]).length - 1;
  return [placeAt(segment, ["points", 0]) ?? [0, 0], placeAt(segment, ["points", last]) ?? [0, 0]];
}
