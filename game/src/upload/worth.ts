/** Whether a recording is worth uploading; what is worthless is refused here, with the reason and the mend. */

/** What the decision needs. */
export interface RecordingFacts {
  readonly seconds: number;
  readonly frames: number;
  readonly drivingPresses: number;
  /** Longest time for which the tab was hidden while the recording ran. */
  readonly hiddenMs: number;
  /** Received frames that did not make it into the file. */
  readonly dropped: number;
}

export const MIN_SECONDS = 20;
export const MIN_PRESSES_PER_MINUTE = 5;
export const MAX_HIDDEN_MS = 1_000;
export const MAX_DROPPED_SHARE = 0.2;

/** Why a recording is worthless; empty where it is worth uploading. */
export function refusals(facts: RecordingFacts): string[] {
  const { seconds, frames, drivingPresses, hiddenMs, dropped } = facts;
  const perMinute = seconds > 0 ? (drivingPresses * 60) / seconds : 0;
  const found: [boolean, string][] = [
    [frames === 0, "no picture was recorded: check the connection to the painter, then drive again"],
    [seconds < MIN_SECONDS, `the drive took ${seconds.toFixed(0)} s: drive for at least ${MIN_SECONDS} s`],
    [
      perMinute < MIN_PRESSES_PER_MINUTE,
      `you pressed ${perMinute.toFixed(1)} keys a minute (minimum ${MIN_PRESSES_PER_MINUTE}): drive with W, A, S and D`,
    ],
    [
      hiddenMs > MAX_HIDDEN_MS,
      `the game's tab was hidden for ${(hiddenMs / 1_000).toFixed(1)} s: keep it visible while you drive`,
    ],
    [
      dropped > MAX_DROPPED_SHARE * (frames + dropped),
      `${dropped} of ${frames + dropped} pictures could not be recorded in time: close other programs and tabs`,
    ],
  ];
  return found.filter(([worthless]) => worthless).map(([, why]) => why);
}
