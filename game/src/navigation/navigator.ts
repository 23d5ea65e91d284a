/**
 * What the navigation says: a way over the lanes is planned ahead of the car, and announced.
 *
 * The command follows from the way alone, never from what the player presses: from 30 m before a
 * crossing's connector to the connector's end it is that connector's turn, else "follow the lane". That is
 * Python's rule (`world/streets/plan.py`); of two crossings close together the nearer one is announced.
 * Who leaves the way gets a new one from where they are.
 */

import { atHome, type TileM } from "../collision/footprints";
import { Command, fitOf, type Lane, type LaneFit, type StreetNetwork } from "./network";
import { seededRandom } from "./random";

export const COMMAND_AHEAD_M = 30;

/** The way is left where another lane fits better by this much: 3 m at the same heading. */
const LEAVES_M2 = 9;
/** How many of the way's next lanes the car may be on; more than a tick can pass. */
const WINDOW = 4;
const PLANNED_CROSSINGS = 3;

/** How to choose at crossings: at random, or straight ahead wherever that is possible. */
export type Turns = "random" | "straight";

export interface NavigatorOptions {
  readonly seed: number;
  readonly turns?: Turns;
  /** Periods at which the city repeats; its streets are planned once, and a way ends at the map's edge. */
  readonly tileM?: TileM | null;
}

/** What the navigation says now. */
export interface Navigation {
  /** Announced now; `followLane` where no crossing is near. */
  readonly command: Command;
  /** To the next crossing's connector along the way; 0 in a crossing, Infinity where the way just ends. */
  readonly distanceToTurnM: number;
  /** What is to be done there, announced or not yet. */
  readonly nextTurn: Command;
  /** The lane or connector of the way that the car is on. */
  readonly laneId: number;
  /** Legal limit there. */
  readonly speedLimitMps: number;
}

/** Plans a car's way and announces its turns. */
export class Navigator {
  /** How often the car has left its way. */
  replans = 0;
  private way: Lane[] = [];
  private readonly random: () => number;
  private readonly turns: Turns;
  private readonly tileM: TileM | null;

  constructor(
    private readonly network: StreetNetwork,
    { seed, turns = "random", tileM = null }: NavigatorOptions,
  ) {
    this.random = seededRandom(seed);
    this.turns = turns;
    this.tileM = tileM;
  }

  /** Ids of the planned lanes and connectors, the car's first. */
  get wayLaneIds(): readonly number[] {
    return this.way.map((lane) => lane.laneId);
  }

  /** Take the car's new pose and say what to do. */
  update(xM: number, yM: number, yawRad: number): Navigation {
    const here = this.follow(...atHome(this.tileM, xM, yM), yawRad);
    this.extend();
    return announce(this.way, here);
  }

  /** Forget the way, for a car that has been put somewhere else. */
  reset(): void {
    this.way = [];
  }

  /** Where the car is on its way; a new way begins where another lane fits much better. */
  private follow(xM: number, yM: number, yawRad: number): LaneFit {
    const nearest = this.network.nearest(xM, yM, yawRad);
    const fits = this.way.slice(0, WINDOW).map((lane) => fitOf(lane, xM, yM, yawRad));
    const [first] = fits;
    if (first === undefined) return this.startOver(nearest);
    const best = fits.reduce((least, fit) => (fit.costM2 < least.costM2 ? fit : least), first);
    if (best.costM2 > nearest.costM2 + LEAVES_M2) {
      this.replans += 1;
      return this.startOver(nearest);
    }
    this.way.splice(0, fits.indexOf(best));
    return best;
  }

  private startOver(at: LaneFit): LaneFit {
    this.way = [at.lane];
    return at;
  }

  /** Plan on until some crossings are ahead, or the way ends at the map's edge. */
  private extend(): void {
    while (this.way.slice(1).filter(isConnector).length < PLANNED_CROSSINGS) {
      const next = this.choose(this.way.at(-1)?.successors ?? []);
      if (next === undefined) return;
      this.way.push(next);
    }
  }

  /** One of the ways on; not to the map's edge where there is another. */
  private choose(successors: readonly number[]): Lane | undefined {
    const all = successors.map((laneId) => this.network.lane(laneId));
    if (all.length < 2) return all[0];
    const straight = all.find((lane) => lane.turn === Command.straight);
    if (this.turns === "straight" && straight !== undefined) return straight;
    const leading = all.filter((lane) => this.leadsOn(lane));
    const open = leading.length > 0 ? leading : all;
    return open[Math.floor(this.random() * open.length)];
  }

  private leadsOn(connector: Lane): boolean {
    return connector.successors.some((laneId) => this.network.lane(laneId).successors.length > 0);
  }
}

function isConnector(lane: Lane): boolean {
  return lane.turn !== Command.followLane;
}

/** What to say on a way, the car being on its first lane. */
export function announce(way: readonly Lane[], here: LaneFit): Navigation {
  const { lane, alongM } = here;
  const next = isConnector(lane) ? lane : way.slice(1).find(isConnector);
  const remainingM = isConnector(lane) ? 0 : lane.shape.lengthM - alongM;
  const distanceToTurnM = next === undefined ? Infinity : remainingM;
  const nextTurn = next?.turn ?? Command.followLane;
  return {
    command: distanceToTurnM <= COMMAND_AHEAD_M ? nextTurn : Command.followLane,
    distanceToTurnM,
    nextTurn,
    laneId: lane.laneId,
    speedLimitMps: lane.speedLimitMps,
  };
}
