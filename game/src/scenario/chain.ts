/** Scenarios one after another: the next one starts when the one that plays is over. */

import { ScenarioRun } from "./engine";
import type { Scenario } from "./stage";

/** Follows `next` from a first scenario. */
export class ScenarioChain {
  /** The scenario that plays, or null at the chain's end. */
  run: ScenarioRun | null;
  /** Those that are over, in order. */
  readonly done: ScenarioRun[] = [];
  private beganS = 0;

  /**
   * @param first - Id of the first scenario.
   * @param load - Gives the scenario of an id.
   */
  constructor(
    first: string,
    private readonly load: (id: string) => Scenario,
  ) {
    this.run = new ScenarioRun(load(first));
  }

  /**
   * Move to a time of the whole session.
   *
   * @returns True where a new scenario has just begun: the player is to be put at its start.
   */
  step(tS: number, playerXM: number, playerYM: number): boolean {
    const run = this.run;
    if (run === null) return false;
    run.step(tS - this.beganS, playerXM, playerYM);
    if (!run.over) return false;
    this.done.push(run);
    const follows = run.scenario.nextId;
    this.run = follows === null ? null : new ScenarioRun(this.load(follows));
    this.beganS = tS;
    return this.run !== null;
  }
}
