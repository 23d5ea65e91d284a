/** The time slider and its play button; time runs at the pace of the clock. */

import type { EditorState } from "./state";

/** The timeline's elements. */
export interface TimelineParts {
  readonly run: HTMLButtonElement;
  readonly slider: HTMLInputElement;
  readonly clock: HTMLElement;
  readonly state: HTMLElement;
}

export class Timeline {
  private playing = false;
  private lastMs = 0;

  constructor(
    private readonly parts: TimelineParts,
    private readonly editor: EditorState,
  ) {
    parts.run.addEventListener("click", () => this.toggle());
    parts.slider.addEventListener("input", () => this.goTo(Number(parts.slider.value)));
  }

  toggle(): void {
    this.playing = !this.playing;
    if (!this.playing) return this.show();
    if (this.editor.tS >= this.editor.durationS) this.editor.tS = 0;
    this.lastMs = performance.now();
    requestAnimationFrame((nowMs) => this.advance(nowMs));
    this.show();
  }

  /** Show the time and how the scenario stands. */
  show(): void {
    const { parts, editor } = this;
    const { durationS } = editor;
    const tS = Math.min(editor.tS, durationS);
    parts.slider.max = `${durationS}`;
    parts.slider.value = `${tS}`;
    parts.clock.textContent = `${tS.toFixed(2)} / ${durationS} s`;
    parts.run.textContent = this.playing ? "❚❚" : "▶";
    const state = editor.moment?.state ?? "not playable";
    parts.state.textContent = state;
    parts.state.className = `chip ${state === "won" ? "good" : state === "timeout" || state === "lost" ? "bad" : "dim"}`;
  }

  private goTo(tS: number): void {
    this.editor.tS = tS;
    this.editor.changed();
  }

  private advance(nowMs: number): void {
    if (!this.playing) return;
    const tS = this.editor.tS + Math.max(0, nowMs - this.lastMs) / 1000;
    this.lastMs = nowMs;
    this.playing = tS < this.editor.durationS;
    this.goTo(Math.min(tS, this.editor.durationS));
    if (this.playing) requestAnimationFrame((laterMs) => this.advance(laterMs));
  }
}
