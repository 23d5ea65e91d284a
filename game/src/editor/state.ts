/** What the editor knows: the file with its history, what is selected, the time shown, the view. No DOM. */

import type { Place } from "../scenario/model";
import type { Scenario } from "../scenario/stage";
import { type Checked, checked } from "./draft";
import { handlesOf, placeAt } from "./handles";
import { headingPlace } from "./heading";
import { amended, type History, historyOf, pushed, redone, undone } from "./history";
import { type Json, listAt, numberAt, textAt } from "./json";
import { type Moment, Playback } from "./playback";
import { fitted, type Size, type View } from "./view";

const TEST_POINT_AHEAD_M = 15;

/** What has changed: the file, or only what is shown of it. */
export type Change = "file" | "shown";

/** One open file. */
export class EditorState {
  view: View = { x: 0, z: 0, pxPerM: 2 };
  size: Size = { widthPx: 800, heightPx: 600 };
  /** Of the shown entity, by index in the file. */
  selected: number | null = null;
  tS = 0;
  /** Where the player stands instead of at its spawn. */
  testPoint: Place | null = null;
  checked: Checked;
  /** As last opened or saved. */
  private clean: Json;
  private history: History<Json>;
  private lastGood: Scenario | null;
  private playback: Playback | null = null;
  private readonly listeners: ((change: Change) => void)[] = [];

  constructor(file: Json) {
    this.clean = file;
    this.history = historyOf(file);
    this.checked = checked(file);
    this.lastGood = this.checked.scenario;
  }

  get file(): Json {
    return this.history.present;
  }

  get isDirty(): boolean {
    return this.file !== this.clean;
  }

  get canUndo(): boolean {
    return this.history.past.length > 0;
  }

  get canRedo(): boolean {
    return this.history.future.length > 0;
  }

  /** The file's length in time; 30 s while it has none. */
  get durationS(): number {
    const found = numberAt(this.file, ["duration"]) ?? 0;
    return found > 0 && found <= 600 ? found : 30;
  }

  /** Where the player stands. */
  get player(): Place {
    return this.testPoint ?? placeAt(this.file, ["playerSpawn"]) ?? [0, 0];
  }

  /** The scenario at the time shown, as it was when the file was last valid; null where it never was. */
  get moment(): Moment | null {
    if (this.lastGood === null) return null;
    const { playback, player } = this;
    const stale = playback?.scenario !== this.lastGood || playback.player.some((value, k) => value !== player[k]);
    if (playback === null || stale) this.playback = new Playback(this.lastGood, player);
    return this.playback?.at(Math.min(this.tS, this.durationS)) ?? null;
  }

  /** The trigger that entities wait for, by wave. */
  waveOf(entity: number): string {
    const id = textAt(this.file, ["entities", entity, "id"]);
    const wave = listAt(this.file, ["waves"]).find((each) => listAt(each, ["entities"]).includes(id));
    return wave === undefined ? "" : textAt(wave, ["id"]);
  }

  onChange(listener: (change: Change) => void): void {
    this.listeners.push(listener);
  }

  /** Something shown has changed, such as the view. */
  changed(change: Change = "shown"): void {
    for (const listener of this.listeners) listener(change);
  }

  open(file: Json): void {
    this.clean = file;
    this.selected = null;
    this.testPoint = null;
    this.tS = 0;
    this.lastGood = null;
    this.keep(historyOf(file));
    this.fit();
  }

  saved(): void {
    this.clean = this.file;
    this.changed("file");
  }

  /** Show everything that can be grabbed. */
  fit(): void {
    this.view = fitted(handlesOf(this.file).map((handle) => handle.place), this.size);
    this.changed();
  }

  /** @param goesOn - The edit belongs to the step before it, as while a point is being dragged. */
  edit(file: Json, goesOn = false): void {
    this.keep(goesOn ? amended(this.history, file) : pushed(this.history, file));
  }

  undo(): void {
    this.keep(undone(this.history));
  }

  redo(): void {
    this.keep(redone(this.history));
  }

  select(entity: number | null): void {
    this.selected = entity;
    this.changed("file");
  }

  /** Put a test player ahead of the spawn, or take it away. */
  toggleTestPoint(): void {
    const rotation = numberAt(this.file, ["playerSpawn", "rotation"]) ?? 0;
    this.testPoint = this.testPoint === null ? headingPlace(this.player, rotation, TEST_POINT_AHEAD_M) : null;
    this.changed();
  }

  private keep(history: History<Json>): void {
    this.history = history;
    this.checked = checked(this.file);
    this.lastGood = this.checked.scenario ?? this.lastGood;
    if (this.selected !== null && this.selected >= listAt(this.file, ["entities"]).length) this.selected = null;
    this.changed("file");
  }
}
