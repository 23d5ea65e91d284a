/** Contacts as events: one when a car begins to touch an actor, however long it goes on touching. */

import { boxesTouch, type BoxLike } from "./boxes";
import type { Actor } from "../actors";

const APART_M = 0.3;
const MAX_REACH_M = 12;

/**
 * Remembers what one car touches.
 *
 * A contact ends when the boxes are `APART_M` apart, so that a trembling pair is one event.
 */
export class ContactTracker {
  /** All actors that overlap the car now. */
  touching: readonly Actor[] = [];
  private held: ReadonlySet<number> = new Set();

  /**
   * Take the new poses.
   *
   * @returns The actors whose contact began.
   */
  update(car: BoxLike, actors: Iterable<Actor>): Actor[] {
    const touching: Actor[] = [];
    const held = new Set<number>();
    for (const actor of actors) {
      if (Math.abs(actor.xM - car.xM) > MAX_REACH_M || Math.abs(actor.yM - car.yM) > MAX_REACH_M) continue;
      if (boxesTouch(car, actor)) {
        touching.push(actor);
        held.add(actor.actorId);
      } else if (this.held.has(actor.actorId) && boxesTouch(grown(car), actor)) {
        held.add(actor.actorId);
      }
    }
    const begun = touching.filter((actor) => !this.held.has(actor.actorId));
    this.touching = touching;
    this.held = held;
    return begun;
  }
}

function grown(car: BoxLike): BoxLike {
  const { xM, yM, yawRad } = car;
  return { xM, yM, yawRad, lengthM: car.lengthM + 2 * APART_M, widthM: car.widthM + 2 * APART_M };
}
