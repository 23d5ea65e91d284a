/**
 * A fixed step under uneven frames: time is saved up and spent in whole steps.
 *
 * Also `wholeSteps`, the number of physics steps in a tick, rounded as Python rounds.
 */

/** An accumulator that cannot fall into a spiral of ever longer frames. */
export class FixedStep {
  /** Time not yet spent, less than a step. */
  savedS = 0;
  /** Steps that were dropped so far. */
  dropped = 0;

  /**
   * @param stepS - Length of a step.
   * @param atMost - Steps per call; what is more is dropped and counted.
   */
  constructor(
    readonly stepS = 1 / 120,
    readonly atMost = 30,
  ) {}

  /**
   * How many steps to run after some time has passed.
   *
   * @param elapsedS - Time since the last call; negative time counts as none.
   */
  steps(elapsedS: number): number {
    const total = this.savedS + Math.max(0, elapsedS);
    // The remainder is exact: a quotient rounded up would leave less than no time saved.
    this.savedS = total % this.stepS;
    const whole = Math.round((total - this.savedS) / this.stepS);
    const run = Math.min(whole, this.atMost);
    this.dropped += whole - run;
    return run;
  }
}

/**
 * How many steps of a rate fit a tick, at least one; a half goes to the even number, as in Python.
 *
 * @param dtS - Length of the tick.
 * @param rateHz - Steps a second.
 */
export function wholeSteps(dtS: number, rateHz: number): number {
  const exact = dtS * rateHz;
  const low = Math.floor(exact);
  const rest = exact - low;
  const up = rest > 0.5 || (rest === 0.5 && low % 2 === 1);
  return Math.max(1, up ? low + 1 : low);
}
