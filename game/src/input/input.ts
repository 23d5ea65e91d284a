/**
 * The player's hands: which keys are held, how far the mouse moved, and when, by the event's own clock.
 *
 * `event.timeStamp` is the moment the system saw the event, on the clock of `performance.now()`; the
 * handler may run much later. Keys are told by `code`, so that WASD lies where it lies on every layout.
 * Whatever takes the page's focus away releases all keys, and says so in the log.
 */

import type { Keys } from "../physics/keyboard";

/** A row of `_inputs.json` before a frame has consumed it. */
export interface InputEvent {
  readonly t: number;
  readonly type: "keydown" | "keyup" | "mouse" | "blur";
  readonly key?: string;
  readonly code?: string;
  readonly dx?: number;
  readonly dy?: number;
}

/** What happened since the last tick. */
export interface TickInput {
  readonly keys: Keys;
  /** W 1, A 2, S 4, D 8. */
  readonly heldMask: number;
  readonly mouseDxPx: number;
  readonly events: readonly InputEvent[];
}

const DRIVING: Readonly<Record<string, keyof Keys>> = {
  KeyW: "w", KeyA: "a", KeyS: "s", KeyD: "d",
  ArrowUp: "w", ArrowLeft: "a", ArrowDown: "s", ArrowRight: "d",
};
const BITS: Readonly<Record<keyof Keys, number>> = { w: 1, a: 2, s: 4, d: 8 };

/** Collects events between ticks. */
export class PlayerInput {
  private readonly held = new Set<string>();
  /** Went down since the last tick: a tap that is shorter than a tick still counts for one. */
  private readonly tapped = new Set<string>();
  private events: InputEvent[] = [];
  private mouseDxPx = 0;
  private readonly listening = new AbortController();

  constructor(
    target: Window,
    private readonly pointerIsLocked: () => boolean = () => document.pointerLockElement !== null,
  ) {
    const { signal } = this.listening;
    target.addEventListener("keydown", (event) => this.onKey(event, true), { signal });
    target.addEventListener("keyup", (event) => this.onKey(event, false), { signal });
    target.addEventListener("mousemove", (event) => this.onMouse(event), { signal });
    target.addEventListener("blur", (event) => this.release(event.timeStamp), { signal });
    target.document.addEventListener(
      "visibilitychange",
      (event) => {
        if (target.document.hidden) this.release(event.timeStamp);
      },
      { signal },
    );
  }

  /** Everything since the last call; the tick that asks is the one that consumes it. */
  take(): TickInput {
    const keys = { w: false, a: false, s: false, d: false };
    for (const code of [...this.held, ...this.tapped]) {
      const key = DRIVING[code];
      if (key !== undefined) keys[key] = true;
    }
    this.tapped.clear();
    const heldMask = (["w", "a", "s", "d"] as const).reduce((mask, key) => mask | (keys[key] ? BITS[key] : 0), 0);
    const taken = { keys, heldMask, mouseDxPx: this.mouseDxPx, events: this.events };
    this.events = [];
    this.mouseDxPx = 0;
    return taken;
  }

  /** Stop listening. */
  close(): void {
    this.listening.abort();
  }

  private onKey(event: KeyboardEvent, down: boolean): void {
    // Who types does not drive; but a key that was held before must come up.
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.repeat || (down && typing)) return;
    if (down === this.held.has(event.code)) return;
    if (event.code in DRIVING) event.preventDefault();
    if (down) {
      this.held.add(event.code);
      this.tapped.add(event.code);
    } else {
      this.held.delete(event.code);
    }
    const key = DRIVING[event.code] ?? event.key.toLowerCase().slice(0, 64);
    this.events.push({ t: event.timeStamp, type: down ? "keydown" : "keyup", key, code: event.code });
  }

  private onMouse(event: MouseEvent): void {
    if (!this.pointerIsLocked() || (event.movementX === 0 && event.movementY === 0)) return;
    this.mouseDxPx += event.movementX;
    this.events.push({ t: event.timeStamp, type: "mouse", dx: event.movementX, dy: event.movementY });
  }

  private release(t: number): void {
    for (const code of this.held) {
      this.events.push({ t, type: "keyup", key: DRIVING[code] ?? code.toLowerCase(), code });
    }
    this.held.clear();
    this.tapped.clear();
    this.events.push({ t, type: "blur" });
  }
}
