/**
 * All poses at a time, from the engine that the game plays with.
 *
 * The engine only runs forwards: the slider's way back starts a new run. Each wave gets one more role that
 * stands still from the moment when it fires; its presence tells that moment.
 */

import type { Actor } from "../actors";
import { worldPoint } from "../axes";
import { ScenarioRun } from "../scenario/engine";
import type { Place } from "../scenario/model";
import { Motion, Straight } from "../scenario/path";
import type { Role, Scenario } from "../scenario/stage";

const TICK_HZ = 30;
const FIRST_ACTOR_ID = 1000;

/** The scenario at a time. */
export interface Moment {
  readonly tS: number;
  readonly actors: readonly Readonly<Actor>[];
  /** Per wave, when it fired; null where it has not. */
  readonly firedS: readonly (number | null)[];
  readonly state: ScenarioRun["state"];
}

/** A scenario with the player standing at one place. */
export class Playback {
  private readonly staged: Scenario;
  private run: ScenarioRun;
  private tick = -1;
  private firedS: (number | null)[];

  constructor(
    readonly scenario: Scenario,
    readonly player: Place,
  ) {
    this.staged = { ...scenario, roles: [...scenario.roles, ...markers(scenario)] };
    this.run = new ScenarioRun(this.staged, { firstActorId: FIRST_ACTOR_ID });
    this.firedS = scenario.triggers.map(() => null);
  }

  /** The scenario at a time, to the tick of 1/30 s. */
  at(tS: number): Moment {
    const tick = Math.round(tS * TICK_HZ);
    if (tick < this.tick) this.restart();
    while (this.tick < tick) this.advance();
    const last = FIRST_ACTOR_ID + this.scenario.roles.length;
    const actors = this.run.actors.filter((actor) => actor.actorId < last).map((actor) => ({ ...actor }));
    return { tS: tick / TICK_HZ, actors, firedS: [...this.firedS], state: this.run.state };
  }

  private restart(): void {
    this.run = new ScenarioRun(this.staged, { firstActorId: FIRST_ACTOR_ID });
    this.tick = -1;
    this.firedS = this.scenario.triggers.map(() => null);
  }

  private advance(): void {
    this.tick += 1;
    const tS = this.tick / TICK_HZ;
    this.run.step(tS, ...worldPoint(...this.player));
    for (const actor of this.run.actors) {
      const wave = actor.actorId - FIRST_ACTOR_ID - this.scenario.roles.length;
      if (wave >= 0) this.firedS[wave] ??= tS;
    }
  }
}

function markers({ roles, triggers }: Scenario): Role[] {
  const [first] = roles;
  if (first === undefined) return [];
  const still = Straight.still({ timeS: 0, xM: 0, yM: 0, yawRad: 0 });
  return triggers.map((_, wave) => ({ ...first, name: "", wave, motion: new Motion([still], true) }));
}
