/**
 * What the page says in words and figures: pure functions from quantities to short English text.
 *
 * Nothing here knows the DOM; the tests of this file need no browser. A quantity that is not known becomes
 * a dash, never a zero.
 */

/** The navigation's commands, with the CARLA Leaderboard's values: left, right, straight, follow the lane. */
export type CommandId = 1 | 2 | 3 | 4;

/** How a text is coloured. */
export type Tone = "good" | "warn" | "bad" | "plain";

export const UNKNOWN = "–";

/** Whole km/h, without a sign: a car that backs up shows its speed too. */
export function speedKmh(speedMps: number): number {
  return Math.round(Math.abs(speedMps) * 3.6);
}

/** Over the limit as the player sees it: both figures rounded, so that 40 beside a sign of 40 is not red. */
export function isOverLimit(speedMps: number, limitMps: number): boolean {
  return speedKmh(speedMps) > speedKmh(limitMps);
}

/** A countdown as `m:ss`: 60 s is 1:00, and 0:00 only shows once the time is up. */
export function timerText(remainingS: number): string {
  if (!Number.isFinite(remainingS)) return `${UNKNOWN}:${UNKNOWN}${UNKNOWN}`;
  const wholeS = Math.max(0, Math.ceil(remainingS));
  return `${Math.floor(wholeS / 60)}:${String(wholeS % 60).padStart(2, "0")}`;
}

/** A distance in steps that do not flicker: 1 m below 10 m, 5 m below 100 m, 10 m below 1 km. */
export function distanceText(distanceM: number): string {
  if (!Number.isFinite(distanceM)) return "";
  const clampedM = Math.max(0, distanceM);
  if (clampedM >= 995) return `${(clampedM / 1000).toFixed(1)} km`;
  const stepM = clampedM < 10 ? 1 : clampedM < 100 ? 5 : 10;
  return `${Math.round(clampedM / stepM) * stepM} m`;
}

const TURNS: Readonly<Record<CommandId, string>> = {
  1: "turn left",
  2: "turn right",
  3: "go straight",
  4: "follow the lane",
};

/** What to do now. */
export function commandText(command: CommandId): string {
  return TURNS[command];
}

/** Where to do it: `in 25 m`, `now` in the crossing, or how far the next crossing is; empty where none is. */
export function commandPlace(command: CommandId, distanceToTurnM: number): string {
  const distance = distanceText(distanceToTurnM);
  if (distance === "") return "";
  if (command === 4) return `crossing in ${distance}`;
  return distanceToTurnM < 1 ? "now" : `in ${distance}`;
}

/** Milliseconds without decimals, or a dash. */
export function latencyText(latencyMs: number | null): string {
  return latencyMs === null || !Number.isFinite(latencyMs) ? `${UNKNOWN} ms` : `${Math.round(latencyMs)} ms`;
}

/** The recording's line beside its dot. */
export function recordingText(recording: "off" | "waiting" | "recording" | "paused", frames: number): string {
  if (recording === "off") return "not recording";
  if (recording === "waiting") return "waiting for the first frame";
  const counted = `${frames} ${frames === 1 ? "frame" : "frames"}`;
  return recording === "paused" ? `paused, ${counted}` : `recording, ${counted}`;
}

/** How a drive ended, in big letters; a word that is not known here is shown as it is. */
export function outcomeTitle(outcome: string): string {
  const titles: Readonly<Record<string, string>> = {
    won: "scenario won",
    lost: "scenario lost",
    timeout: "time is up",
  };
  return titles[outcome] ?? outcome;
}

/** The colour of an outcome. */
export function outcomeTone(outcome: string): Tone {
  if (outcome === "won") return "good";
  if (outcome === "lost") return "bad";
  return outcome === "timeout" ? "warn" : "plain";
}

/** `2 collisions`, and nothing while there was none. */
export function collisionsText(collisions: number): string {
  if (collisions <= 0) return "";
  return `${collisions} ${collisions === 1 ? "collision" : "collisions"}`;
}

/** An address short enough to read out: its first and last four characters. */
export function shortWallet(wallet: string): string {
  return wallet.length <= 9 ? wallet : `${wallet.slice(0, 4)}…${wallet.slice(-4)}`;
}

/** A share of 0 to 1 as whole per cent; 100 % only when all of it is there. */
export function shareText(share: number): string {
  return `${Math.floor(clampShare(share) * 100)} %`;
}

/** Within 0 and 1; not a number counts as nothing sent. */
export function clampShare(share: number): number {
  return Number.isNaN(share) ? 0 : Math.min(1, Math.max(0, share));
}

/** All files together: the mean of their shares, for sizes are not known here. */
export function totalShare(rows: readonly { readonly share: number; readonly done: boolean }[]): number {
  if (rows.length === 0) return 0;
  return rows.reduce((sum, row) => sum + (row.done ? 1 : clampShare(row.share)), 0) / rows.length;
}
