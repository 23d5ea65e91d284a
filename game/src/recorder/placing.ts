/**
 * What a MediaRecorder's file becomes: every packet with its id and a time on the session's clock.
 *
 * The file's own times are of little use: nobody tells when they begin, and of a painted track that comes
 * unevenly dozens of packets may share one. The ids give the clock back. A picture that never left the
 * page has its tick's time. A painted one has the time at which the page's video element showed it; for
 * pictures that the element skipped, the delay since their tick lies between those of their neighbours.
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
  const { log, startMs, beganMs } = options;
  const drawn = filed.map(({ id }) => (id === null ? null : log.drawnMs(id)));
  const stamped = drawn.findLastIndex((ms) => ms !== null) + 1;
  const kept = stamped === 0 ? filed : filed.slice(0, stamped);
  const delays = new Delays(options);
  const toldMs = stamped > 0 && (options.local || delays.known) ? toldTimes(kept, drawn, delays) : null;
  const fromFileMs = beganMs - (kept[0]?.fileMs ?? 0);
  let lastMs = -1;
  const links = kept.map(({ fileMs, id }, n): FrameLink => {
    const atMs = toldMs?.[n] ?? fileMs + fromFileMs;
    // The container counts in ms, and no two frames may share one.
    const ptsUs = Math.max(Math.round((atMs - startMs) * 1_000), (lastMs + 1) * 1_000);
    lastMs = Math.round(ptsUs / 1_000);
    return [n, ptsUs, drawn[n] === null ? null : id, null];
  });
  const latenciesMs = drawn.flatMap((ms) => (ms !== null && delays.known ? [delays.at(ms)] : []));
  return { links, latenciesMs };
}

/** By the ids; a picture without one, or written twice, lies between its neighbours. */
function toldTimes(kept: readonly FiledFrame[], drawn: readonly (number | null)[], delays: Delays): number[] {
  const told = kept.map(({ id }, n) => {
    const ms = drawn[n] ?? null;
    return ms === null || (n > 0 && id === kept[n - 1]?.id) ? null : ms + delays.ofTime(ms);
  });
  const known = told.flatMap((ms, n) => (ms === null ? [] : [[n, ms] as const]));
  return told.map((ms, n) => ms ?? between(known, n));
}

/** Delays from tick to screen, by when the tick was drawn. */
class Delays {
  private readonly samples: readonly (readonly [drawnMs: number, delayMs: number])[];
  private readonly local: boolean;

  constructor({ log, local, seenMs }: PlacingOptions) {
    this.local = local;
    this.samples = [...seenMs]
      .flatMap(([id, atMs]) => {
        const drawnMs = log.drawnMs(id);
        return drawnMs === null ? [] : [[drawnMs, Math.max(0, atMs - drawnMs)] as const];
      })
      .sort(([a], [b]) => a - b);
  }

  get known(): boolean {
    return this.samples.length > 0;
  }

  /** From a tick to the screen. */
  at(drawnMs: number): number {
    return between(this.samples, drawnMs);
  }

  /** How much later than its tick a frame is written. */
  ofTime(drawnMs: number): number {
    return this.local ? 0 : this.at(drawnMs);
  }
}

/** Linear between points of rising x, level outside them; 0 without points. */
function between(points: readonly (readonly [x: number, y: number])[], x: number): number {
  const after = points.findIndex(([each]) => each >= x);
  const right = points[after < 0 ? points.length - 1 : after];
  if (right === undefined) return 0;
  const left = after > 0 ? points[after - 1] : undefined;
  if (left === undefined || right[0] === left[0]) return right[1];
  return left[1] + ((x - left[0]) / (right[0] - left[0])) * (right[1] - left[1]);
}
