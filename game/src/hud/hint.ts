/** How to drive, until the player has driven for some seconds. */

import { addElement } from "./elements";

const DRIVEN_S = 4;
const MOVING_MPS = 0.5;
/** A hidden tab's gap is not driving. */
const LONGEST_FRAME_S = 0.25;

/** The line that fades once it has been understood. */
export class Hint {
  private readonly line: HTMLElement;
  private drivenS = 0;
  private lastMs: number | null = null;

  constructor(parent: Element) {
    this.line = addElement(parent, "div", {
      className: "hud-hint",
      text: "WASD to drive, click to steer with the mouse, Esc to let go",
    });
  }

  update(speedMps: number, nowMs: number): void {
    const elapsedS = this.lastMs === null ? 0 : (nowMs - this.lastMs) / 1000;
    this.lastMs = nowMs;
    if (this.drivenS >= DRIVEN_S || Math.abs(speedMps) < MOVING_MPS) return;
    this.drivenS += Math.min(elapsedS, LONGEST_FRAME_S);
    if (this.drivenS >= DRIVEN_S) this.line.classList.add("is-gone");
  }
}
