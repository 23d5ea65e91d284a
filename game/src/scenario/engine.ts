/**
 * Plays a scenario: entities move on the simulation's clock, waves fire, an outcome is decided.
 *
 * The caller says where the player is and what it newly touched; a contact is one event however long it
 * lasts. Entities not yet begun or whose wave has not fired are not there.
 */

import type { Actor } from "../actors";
import { worldPoint } from "../axes";
import { hypot } from "../trig";
import type { DistanceTrigger, PositionTrigger, Trigger } from "./model";
import type { Pose } from "./path";
import type { Role, Scenario } from "./stage";

/** How a scenario ended. */
export type Outcome = "won" | "lost" | "timeout";

export interface RunOptions {
  /** Entities get ids from here on, in file order. */
  readonly firstActorId?: number;
  /** Entities stand still once the scenario is lost. */
  readonly freezeOnLoss?: boolean;
}

/** An entity and the actor that plays it. */
interface Part {
  readonly role: Role;
  readonly actor: Actor;
}

/** One play of a scenario. */
export class ScenarioRun {
  /** Null while it is undecided. */
  outcome: Outcome | null = null;
  /** Its time is up; nothing of it is there any more. */
  over = false;
  /** Contact events of the player. */
  contacts = 0;
  /** The entities that are there now. */
  actors: readonly Actor[] = [];
  private readonly firedS: (number | null)[];
  private readonly parts: readonly Part[];
  private readonly freezes: boolean;

  constructor(
    readonly scenario: Scenario,
    { firstActorId = 1000, freezeOnLoss = false }: RunOptions = {},
  ) {
    this.freezes = freezeOnLoss;
    this.firedS = scenario.triggers.map(() => null);
    this.parts = scenario.roles.map((role, number) => ({ role, actor: actorOf(role, firstActorId + number) }));
  }

  /** `playing`, or the outcome. */
  get state(): Outcome | "playing" {
    return this.outcome ?? "playing";
  }

  /**
   * Move to a time of the scenario.
   *
   * @param tS - Seconds since its start; must not fall.
   * @param playerXM - World X of the player.
   * @param playerYM - World Y.
   */
  step(tS: number, playerXM: number, playerYM: number): void {
    if (tS >= this.scenario.durationS) {
      this.runOut(playerXM, playerYM);
      return;
    }
    this.fireWaves(tS, playerXM, playerYM);
    if (!(this.freezes && this.outcome === "lost")) this.actors = this.placed(tS);
    if (this.outcome === null && this.hasReached(playerXM, playerYM)) this.outcome = "won";
  }

  /** The player newly touched something. */
  countContacts(begun: number): void {
    this.contacts += begun;
    if (begun > 0 && this.outcome === null && this.scenario.condition === "no_collision") this.outcome = "lost";
  }

  /** The pose of an entity at a time; null while it is not there. */
  poseAt(name: string, tS: number): Pose | null {
    const role = this.scenario.roles.find((each) => each.name === name);
    return role === undefined ? null : this.pose(role, tS);
  }

  private fireWaves(tS: number, xM: number, yM: number): void {
    this.scenario.triggers.forEach((trigger, number) => {
      if (this.firedS[number] === null && this.fires(trigger, tS, xM, yM)) {
        this.firedS[number] = trigger.type === "time" ? trigger.time : tS;
      }
    });
  }

  private placed(tS: number): Actor[] {
    const present: Actor[] = [];
    for (const { role, actor } of this.parts) {
      const pose = this.pose(role, tS);
      if (pose === null) continue;
      actor.braking = pose.speedMps < actor.speedMps - 0.05 || pose.speedMps === 0;
      Object.assign(actor, pose);
      present.push(actor);
    }
    return present;
  }

  private pose(role: Role, tS: number): Pose | null {
    if (role.wave < 0) return role.motion.at(tS);
    const trigger = this.scenario.triggers[role.wave];
    const firedS = this.firedS[role.wave] ?? (trigger?.type === "time" ? trigger.time : null);
    return firedS === null ? null : role.motion.at(tS - firedS);
  }

  private fires(trigger: Trigger, tS: number, xM: number, yM: number): boolean {
    switch (trigger.type) {
      case "time":
        return tS >= trigger.time;
      case "position":
        return isInside(trigger, xM, yM);
      case "distance":
        return this.isNear(trigger, tS, xM, yM);
    }
  }

  private isNear({ place, entity, within }: DistanceTrigger, tS: number, xM: number, yM: number): boolean {
    if (place !== null) {
      const [toX, toY] = worldPoint(...place);
      return hypot(toX - xM, toY - yM) <= within;
    }
    const pose = this.poseAt(entity ?? "", tS);
    return pose !== null && hypot(pose.xM - xM, pose.yM - yM) <= within;
  }

  private hasReached(xM: number, yM: number): boolean {
    const { target } = this.scenario;
    return target !== null && hypot(target.xM - xM, target.yM - yM) < target.radiusM;
  }

  private runOut(xM: number, yM: number): void {
    this.over = true;
    this.actors = [];
    if (this.outcome !== null) return;
    const reached = this.scenario.condition !== "reach_position" || this.hasReached(xM, yM);
    this.outcome = reached ? "won" : "timeout";
  }
}

function isInside({ low, high }: PositionTrigger, xM: number, yM: number): boolean {
  const [lowX, highY] = worldPoint(...high);
  const [highX, lowY] = worldPoint(...low);
  return lowX <= xM && xM <= highX && lowY <= yM && yM <= highY;
}

function actorOf(role: Role, actorId: number): Actor {
  const { name, kind, typeId, rgb, lengthM, widthM, heightM } = role;
  const still = { xM: 0, yM: 0, yawRad: 0, speedMps: 0, braking: false };
  return { actorId, name, kind, typeId, rgb, lengthM, widthM, heightM, ...still };
}
