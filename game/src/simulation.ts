/**
 * The game's world: the player's car, walls and a staged scenario, stepped on the simulation's clock.
 *
 * Equal to Python's `world/minitown/simulator.py` without background traffic, tick for tick and bit for
 * bit: the car's physics runs at 120 Hz inside a tick of any length, walls let it slide on at half its
 * speed, then the scenario moves, then contacts are counted. It knows no wall clock and no screen; a
 * hidden tab or a slow frame only means that nobody called `step`.
 */

import type { Actor } from "./actors";
import { type Box, resolveBox } from "./collision/boxes";
import { ContactTracker } from "./collision/contacts";
import { ClearanceGate, type StaticIndex } from "./collision/footprints";
import { halfDiagonal } from "./collision/polygons";
import { stepCar } from "./physics/bicycle";
import { type CarControls, type CarLimits, type CarState, stopAgainst } from "./physics/car";
import { wholeSteps } from "./physics/clock";
import { type Outcome, ScenarioRun } from "./scenario/engine";
import type { Pose } from "./scenario/path";
import type { Scenario } from "./scenario/stage";

export const PHYSICS_HZ = 120;

/** What the car newly touched in a tick. */
export interface Contacts {
  /** Actors whose contact began. */
  readonly actors: readonly Actor[];
  /** It ran into a building. */
  readonly wall: boolean;
}

export interface SimulationOptions {
  readonly limits: CarLimits;
  readonly walls: StaticIndex;
  /** Where the car starts; a scenario brings its own start. */
  readonly start: Pose;
  readonly scenario?: Scenario | null;
  /** Entities stand still once their scenario is lost. */
  readonly freezeOnLoss?: boolean;
}

const NO_CONTACTS: Contacts = { actors: [], wall: false };

/** One drive, with at most one scenario at a time. */
export class Simulation {
  readonly car: CarState;
  /** Ticks since the beginning. */
  tick = 0;
  /** Simulated time since the beginning. */
  tS = 0;
  /** Of the last tick. */
  contacts: Contacts = NO_CONTACTS;
  /** Contact events since the beginning, with actors and with walls. */
  collisions = 0;
  /** What plays now; null without a scenario and after its end. */
  scenario: ScenarioRun | null = null;
  /** Scenarios that are over, in order. */
  readonly finished: ScenarioRun[] = [];
  private readonly limits: CarLimits;
  private readonly walls: StaticIndex;
  private readonly freezeOnLoss: boolean;
  private readonly box: Box;
  private readonly gate: ClearanceGate;
  private tracker = new ContactTracker();
  private atWall = false;
  private scenarioStartS = 0;

  constructor({ limits, walls, start, scenario = null, freezeOnLoss = false }: SimulationOptions) {
    this.limits = limits;
    this.walls = walls;
    this.freezeOnLoss = freezeOnLoss;
    this.car = { ...start, steerRad: 0, pushMps2: 0 };
    this.box = { ...start, lengthM: limits.lengthM, widthM: limits.widthM };
    this.gate = new ClearanceGate(walls, halfDiagonal(limits.lengthM, limits.widthM));
    if (scenario !== null) this.play(scenario);
  }

  /** All other road users and obstacles now. */
  get actors(): readonly Actor[] {
    return this.scenario?.actors ?? [];
  }

  /** Time since the running scenario started. */
  get scenarioTS(): number {
    return this.tS - this.scenarioStartS;
  }

  /** How the running or else the last scenario ended; null while it is undecided. */
  get outcome(): Outcome | null {
    return this.lastRun?.outcome ?? null;
  }

  /** The scenario that follows the one that is over; null while one plays. */
  get nextScenarioId(): string | null {
    return this.scenario === null ? (this.lastRun?.scenario.nextId ?? null) : null;
  }

  /** Put the car at a scenario's start and begin it; one that still plays is dropped. */
  play(scenario: Scenario): void {
    Object.assign(this.car, scenario.player, { steerRad: 0, pushMps2: 0 });
    this.tracker = new ContactTracker();
    this.atWall = false;
    this.scenario = new ScenarioRun(scenario, { freezeOnLoss: this.freezeOnLoss });
    this.scenarioStartS = this.tS;
    this.stepScenario();
  }

  /**
   * Advance by one tick; `contacts`, `scenario` and the poses are then those of the new state.
   *
   * @param controls - Held during the tick.
   * @param dtS - Length of the tick; a whole number of 120 Hz steps.
   */
  step(controls: CarControls, dtS: number): void {
    const wall = this.drive(controls, dtS);
    this.tick += 1;
    this.tS += dtS;
    this.stepScenario();
    const begun = this.touch();
    this.contacts = { actors: begun, wall: wall && !this.atWall };
    this.atWall = wall;
    this.count();
  }

  private get lastRun(): ScenarioRun | null {
    return this.scenario ?? this.finished.at(-1) ?? null;
  }

  /** Run the physics; true where a wall was in the way. */
  private drive(controls: CarControls, dtS: number): boolean {
    const car = this.car;
    const steps = wholeSteps(dtS, PHYSICS_HZ);
    let wall = false;
    for (let k = 0; k < steps; k++) {
      const { xM, yM, yawRad } = car;
      stepCar(car, controls, this.limits, dtS / steps);
      if (this.gate.isClear(car.xM, car.yM) || !this.isInWall(car.xM, car.yM, car.yawRad)) continue;
      wall = true;
      this.slide(xM, yM, yawRad);
    }
    this.moveBox();
    return wall;
  }

  private isInWall(xM: number, yM: number, yawRad: number): boolean {
    return this.walls.hitsBox(xM, yM, yawRad, this.limits.lengthM, this.limits.widthM) >= 0;
  }

  /** Along the wall, at half the speed: first keep the step in X, then the one in Y, then neither. */
  private slide(xM: number, yM: number, yawRad: number): void {
    const car = this.car;
    car.speedMps *= 0.5;
    if (!this.isInWall(car.xM, yM, car.yawRad)) {
      car.yM = yM;
    } else if (!this.isInWall(xM, car.yM, car.yawRad)) {
      car.xM = xM;
    } else {
      car.xM = xM;
      car.yM = yM;
      car.yawRad = yawRad;
    }
  }

  /** New contacts; the car does not drive through what it touches, nor gain speed against it. */
  private touch(): readonly Actor[] {
    const begun = this.tracker.update(this.box, this.actors);
    for (const actor of this.tracker.touching) {
      const [pushX, pushY] = resolveBox(this.box, actor);
      this.car.xM += pushX;
      this.car.yM += pushY;
      this.box.xM = this.car.xM;
      this.box.yM = this.car.yM;
      stopAgainst(this.car, pushX, pushY);
    }
    if (begun.length > 0) this.car.speedMps *= 0.5;
    return begun;
  }

  private count(): void {
    const begun = this.contacts.actors.length + Number(this.contacts.wall);
    this.collisions += begun;
    if (begun > 0) this.scenario?.countContacts(begun);
  }

  private stepScenario(): void {
    const run = this.scenario;
    if (run === null) return;
    run.step(this.scenarioTS, this.car.xM, this.car.yM);
    if (!run.over) return;
    this.finished.push(run);
    this.scenario = null;
  }

  private moveBox(): void {
    this.box.xM = this.car.xM;
    this.box.yM = this.car.yM;
    this.box.yawRad = this.car.yawRad;
  }
}
