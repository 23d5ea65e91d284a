/** What can be wrong with a scenario. */

/** A scenario file that cannot be played; the message names file and field. */
export class ScenarioError extends Error {
  override readonly name = "ScenarioError";

  constructor(
    readonly source: string,
    readonly problem: string,
  ) {
    super(`scenario ${source}: ${problem}`);
  }
}
