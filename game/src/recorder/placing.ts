/**
 * What a MediaRecorder's file becomes: every packet with its id and a time on the session's clock.
 *
 * The file's own times begin at 0 with its first frame, which nobody tells. The ids give the clock back:
 * a picture that never left the page has its tick's time, and a painted one was seen on the page's video
 * element at a known time, so that the median over such frames places the file to some milliseconds.
 */

import type { DriveLog } from "./drive_log";
import type { FrameLink } from "./track_recorder";

/** A packet of the file. */
export interface FiledFrame {
  /** Time in the file. */
  readonly fileMs: number;
  /** Id read from the picture; null where there is none. */
  readonly id: number | null;
}

export interface PlacingOptions {
  readonly log: DriveLog;
  /** `performance.now()` at PTS 0. */
  readonly startMs: number;
  /** The picture comes straight from our canvas: its time is its tick's. */
  readonly local: boolean;
  /** `performance.now()` at which the recorder was started. */
  readonly beganMs: number;
  /** `performance.now()` at which frames were seen, by id. */
  readonly seenMs: ReadonlyMap<number, number>;
}

/** The packets to keep, from the first on, with their time and id. */
export interface Placed {
  readonly links: readonly FrameLink[];
  /** From a tick's picture to the painted one, per frame of which it is known. */
  readonly latenciesMs: readonly number[];
}

/** Give each packet its place; packets after the last tick of the session are left out. */
export function placeFrames(filed: readonly FiledFrame[], options: PlacingOptions): Placed {
  const { log, local, startMs, seenMs } = options;
  const drawn = filed.map(({ id }) => (id === null ? null : log.drawnMs(id)));
  const stamped = drawn.findLastIndex((ms) => ms !== null);
  const kept = stamped < 0 ? filed : filed.slice(0, stamped + 1);
  const offsetMs = fileOffsetMs(kept, drawn, options);
  const atMsOf = ({ fileMs, id }: FiledFrame): number | undefined =>
    local ? seenMs.get(id ?? -1) : fileMs + offsetMs;
  const latenciesMs = kept.flatMap((frame, n) => {
    const [atMs, drawnMs] = [atMsOf(frame), drawn[n] ?? null];
    return atMs === undefined || drawnMs === null ? [] : [Math.max(0, atMs - drawnMs)];
  });
  let lastMs = -1;
  const links = kept.map(({ fileMs, id }, n): FrameLink => {
    const drawnMs = drawn[n] ?? null;
    // A recorder may write a picture twice; it was still to be seen then.
    const repeated = n > 0 && id === kept[n - 1]?.id;
    const atMs = local && drawnMs !== null && !repeated ? drawnMs : fileMs + offsetMs;
    // The container counts in ms, and no two frames may share one.
    const ptsUs = Math.max(Math.round((atMs - startMs) * 1_000), (lastMs + 1) * 1_000);
    lastMs = Math.round(ptsUs / 1_000);
    return [n, ptsUs, drawnMs === null ? null : id, null];
  });
  return { links, latenciesMs };
}

/** What the file's times lack to be `performance.now()`. */
function fileOffsetMs(
  kept: readonly FiledFrame[],
  drawn: readonly (number | null)[],
  { local, beganMs, seenMs }: PlacingOptions,
): number {
  const known = kept.flatMap(({ fileMs, id }, n) => {
    const atMs = local ? drawn[n] : id === null ? undefined : seenMs.get(id);
    return atMs === undefined || atMs === null ? [] : [atMs - fileMs];
  });
  known.sort((a, b) => a - b);
  return known[known.length >> 1] ?? beganMs - (kept[0]?.fileMs ?? 0);
}
