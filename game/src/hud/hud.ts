/**
 * What lies over the picture while the player drives: speed, way, time, recording, connection and goal.
 *
 * Every node is made in the constructor; `update` runs once per frame and only writes what differs. What is
 * said in which words is in `format.ts`, where things are is in `hud.css`. Nothing here decides anything:
 * pressing a button calls an action, the rest comes in as state.
 */

import "./theme.css";
import "./hud.css";

import { CommandArrow } from "./command_arrow";
import { addButton, addElement, isTyping, setData, setHidden, setLine, setText, setTone } from "./elements";
import {
  collisionsText, isOverLimit, latencyText, outcomeTitle, outcomeTone, recordingText, speedKmh, timerText,
} from "./format";
import { Hint } from "./hint";
import { type NoteKind, Notes } from "./notes";
import { PromptBox } from "./prompt_box";

/** All that a frame of the HUD shows. */
export interface HudState {
  readonly speedMps: number;
  readonly remainingS: number;
  readonly recording: "off" | "waiting" | "recording" | "paused";
  readonly recordedFrames: number;
  readonly connection: string;
  /** From a picture to its painted one; null where it is not known. */
  readonly latencyMs: number | null;
  readonly scenarioName: string;
  readonly goal: string;
  readonly outcome: "won" | "lost" | "timeout" | null;
  readonly collisions: number;
  /** Left, right, straight, follow the lane. */
  readonly command: 1 | 2 | 3 | 4;
  readonly distanceToTurnM: number;
  readonly speedLimitMps: number;
  readonly fps: number;
  readonly pointerLocked: boolean;
}

/** What the player can ask for. */
export interface HudActions {
  stopEarly(): void;
  setPrompt(text: string): void;
  /** The debug panel has been shown or hidden. */
  toggleDebug(): void;
}

const HURRY_S = 10;

/** The panel over the picture; hidden until `show(true)`. */
export class Hud {
  private readonly hud: HTMLElement;
  private readonly speed: HTMLElement;
  private readonly limit: HTMLElement;
  private readonly arrow: CommandArrow;
  private readonly timer: HTMLElement;
  private readonly recording: HTMLElement;
  private readonly recordingWords: HTMLElement;
  private readonly connection: HTMLElement;
  private readonly scenario: HTMLElement;
  private readonly goalWords: HTMLElement;
  private readonly collisions: HTMLElement;
  private readonly result: HTMLElement;
  private readonly stop: HTMLButtonElement;
  private readonly debug: HTMLElement;
  private readonly hint: Hint;
  private readonly notes: Notes;
  private readonly prompt: PromptBox;
  private debugShown = false;

  constructor(
    root: HTMLElement,
    private readonly actions: HudActions,
  ) {
    this.hud = addElement(root, "div", { id: "hud" });

    const goal = addElement(this.hud, "div", { id: "hud-goal", className: "hud-card" });
    this.scenario = addElement(goal, "div", { className: "hud-scenario" });
    this.goalWords = addElement(goal, "div", { className: "hud-goal-words" });
    this.collisions = addElement(goal, "div", { className: "hud-collisions" });

    this.arrow = new CommandArrow(this.hud);
    this.result = addElement(this.hud, "div", { id: "hud-result" });

    const status = addElement(this.hud, "div", { className: "hud-status hud-card" });
    this.timer = addElement(status, "div", { id: "hud-timer" });
    this.recording = addElement(status, "div", { id: "hud-recording" });
    addElement(this.recording, "span", { className: "hud-dot" });
    this.recordingWords = addElement(this.recording, "span");
    this.connection = addElement(status, "div", { id: "hud-connection" });
    this.stop = addButton(status, { id: "hud-stop", text: "stop early" }, () => actions.stopEarly());

    const dial = addElement(this.hud, "div", { className: "hud-dial" });
    this.speed = addElement(dial, "span", { id: "hud-speed" });
    addElement(dial, "span", { className: "hud-unit", text: "km/h" });
    this.limit = addElement(dial, "span", { className: "hud-limit" });
    this.limit.title = "speed limit in km/h";

    this.debug = addElement(this.hud, "pre", { id: "hud-debug", className: "hud-card" });
    const foot = addElement(this.hud, "div", { className: "hud-foot" });
    this.notes = new Notes(foot);
    this.hint = new Hint(foot);
    this.prompt = new PromptBox(this.hud, (text) => actions.setPrompt(text));

    this.show(false);
    this.setDebug([]);
    window.addEventListener("keydown", (event) => this.onKeyDown(event));
    window.addEventListener("keyup", (event) => {
      if (!this.hud.hidden) this.prompt.onShortcut(event);
    });
  }

  /** Show a frame's state. */
  update(state: HudState): void {
    this.updateDriving(state);
    this.updateStatus(state);
    this.updateScenario(state);
    this.hint.update(state.speedMps, performance.now());
    setData(this.hud, "locked", String(state.pointerLocked));
  }

  /** Tell the player something, for some seconds. */
  note(text: string, kind: NoteKind = "info"): void {
    this.notes.add(text, kind);
  }

  /** What the debug panel says while `P` has it shown; no lines hide it. */
  setDebug(lines: readonly string[]): void {
    setText(this.debug, lines.join("\n"));
    this.showDebug();
  }

  show(visible: boolean): void {
    setHidden(this.hud, !visible);
  }

  private updateDriving({ speedMps, speedLimitMps, command, distanceToTurnM }: HudState): void {
    setText(this.speed, String(speedKmh(speedMps)));
    setTone(this.speed, isOverLimit(speedMps, speedLimitMps) ? "bad" : "plain");
    setText(this.limit, String(speedKmh(speedLimitMps)));
    this.arrow.update(command, distanceToTurnM);
  }

  private updateStatus({ remainingS, recording, recordedFrames, connection, latencyMs, fps }: HudState): void {
    setText(this.timer, timerText(remainingS));
    setTone(this.timer, remainingS <= HURRY_S ? "warn" : "plain");
    setText(this.recordingWords, recordingText(recording, recordedFrames));
    setData(this.recording, "recording", recording);
    setHidden(this.stop, recording === "off");
    setText(this.connection, `${connection}, ${latencyText(latencyMs)}, ${Math.round(fps)} fps`);
  }

  private updateScenario({ scenarioName, goal, collisions, outcome }: HudState): void {
    setText(this.scenario, scenarioName);
    setLine(this.goalWords, goal);
    setLine(this.collisions, collisionsText(collisions));
    setLine(this.result, outcome === null ? "" : outcomeTitle(outcome));
    setTone(this.result, outcome === null ? "plain" : outcomeTone(outcome));
  }

  private onKeyDown(event: KeyboardEvent): void {
    if (event.code !== "KeyP" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.hud.hidden || isTyping(event)) return;
    this.debugShown = !this.debugShown;
    this.showDebug();
    this.actions.toggleDebug();
  }

  private showDebug(): void {
    setHidden(this.debug, !this.debugShown || this.debug.textContent === "");
  }
}
