/** What the sessions page says in numbers and words: totals, times, grades, amounts. */

import type { PlayerSession } from "./sessions";

const LAMPORTS_PER_SOL = 1_000_000_000;
const NOTHING = "—";

/** Over all listed sessions. */
export interface Totals {
  readonly sessions: number;
  readonly accepted: number;
  readonly segments: number;
  readonly segmentsPassed: number;
  /** Null while no session has earned anything. */
  readonly earnedLamports: number | null;
}

/** The sums of what is known; unknown counts add nothing. */
export function totalsOf(sessions: readonly PlayerSession[]): Totals {
  const sum = (of: (session: PlayerSession) => number | null): number =>
    sessions.reduce((total, session) => total + (of(session) ?? 0), 0);
  const paid = sessions.some((session) => session.earnedLamports !== null);
  return {
    sessions: sessions.length,
    accepted: sessions.filter((session) => session.status === "accepted").length,
    segments: sum((session) => session.segments),
    segmentsPassed: sum((session) => session.segmentsPassed),
    earnedLamports: paid ? sum((session) => session.earnedLamports) : null,
  };
}

/** Something may change soon without the player's doing. */
export function isInMotion(sessions: readonly PlayerSession[]): boolean {
  return sessions.some((session) => session.status === "collecting");
}

/** `2026-11-21 14:03` in the browser's time zone. */
export function localTime(epochMs: number): string {
  const time = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** An amount in SOL; a dash while it is not known. */
export function solOf(lamports: number | null): string {
  if (lamports === null) return NOTHING;
  const digits = (lamports / LAMPORTS_PER_SOL).toFixed(9).replace(/\.?0+$/, "");
  return `${digits} SOL`;
}

/** `5 of 6`, or a dash before the session was judged. */
export function passedOf({ segments, segmentsPassed }: PlayerSession): string {
  if (segments === null) return NOTHING;
  return `${segmentsPassed ?? 0} of ${segments}`;
}

const GRADES: ReadonlyMap<string, string> = new Map([
  ["exact", "every picture carries the number of its frame"],
  ["rtp", "pictures are joined by the stream's timestamps"],
  ["estimated", "pictures are joined by an estimate of the clocks"],
  ["legacy", "an old recorder: pictures are joined by their average distance"],
]);

/** How exactly pictures and inputs are joined, in a line. */
export function gradeOf(grade: string): string {
  return GRADES.get(grade) ?? "a grade that this page does not know; reload it";
}

/** `7xKX…4mQp`. */
export function shortWallet(wallet: string): string {
  return wallet.length <= 12 ? wallet : `${wallet.slice(0, 4)}…${wallet.slice(-4)}`;
}
