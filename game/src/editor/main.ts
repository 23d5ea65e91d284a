/** The scenario editor: one open file, the map, the form, the timeline, and the buttons that join them. */

import "../hud/theme.css";
import "./editor.css";

import { AssetError, readWorld, SCENARIO_IDS } from "../assets";
import { ScenarioError } from "../scenario/errors";
import { MapCanvas } from "./canvas";
import { cityPlan } from "./city_plan";
import { cityDrawing } from "./draw_city";
import { ENTITY_PANEL_ID } from "./entity_panel";
import { download, listenToDrops, localFile, playInGame, shippedFile } from "./files";
import { Fields } from "./form";
import type { Json } from "./json";
import { NEXT_LIST, panels, shapeOf } from "./panels";
import { listenToPointer } from "./pointer";
import { EditorState } from "./state";
import { Timeline } from "./timeline";

const FIRST_ID = "staged-demo";

function part<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`editor.html: #${id} is missing or no ${kind.name}`);
  return found;
}

class Editor {
  private readonly state: EditorState;
  private readonly fields: Fields;
  private readonly map: MapCanvas;
  private readonly timeline: Timeline;
  private readonly form = part("form", HTMLElement);
  private readonly problem = part("problem", HTMLParagraphElement);
  private readonly shipped = part("shipped", HTMLSelectElement);
  private shape = "";
  private shownEntity: number | null = null;
  private untouched = true;

  constructor(file: Json) {
    this.state = new EditorState(file);
    this.fields = new Fields(this.state);
    const canvas = part("map", HTMLCanvasElement);
    this.map = new MapCanvas(canvas, this.state, () => this.untouched && this.state.fit());
    this.timeline = new Timeline(
      {
        run: part("run", HTMLButtonElement),
        slider: part("slider", HTMLInputElement),
        clock: part("clock", HTMLOutputElement),
        state: part("state", HTMLSpanElement),
      },
      this.state,
    );
    const where = part("where", HTMLParagraphElement);
    listenToPointer(canvas, this.state, (words) => (where.textContent = words));
    for (const event of ["pointerdown", "wheel"]) canvas.addEventListener(event, () => (this.untouched = false));
    this.state.onChange((change) => this.show(change === "file"));
    this.listen();
    this.show(true);
  }

  /** The city arrives later than the first scenario. */
  async loadCity(): Promise<void> {
    const { city } = await readWorld();
    this.map.city = cityDrawing(cityPlan(city as Json));
    this.map.ask();
  }

  private show(fileChanged: boolean): void {
    this.map.ask();
    this.timeline.show();
    part("test", HTMLButtonElement).textContent = this.state.testPoint === null ? "Test player" : "Player to spawn";
    if (fileChanged) this.showFile();
    const fired = this.state.moment?.firedS ?? [];
    for (const wave of this.form.querySelectorAll<HTMLElement>("[data-wave]")) {
      wave.classList.toggle("fired", typeof fired[Number(wave.dataset["wave"])] === "number");
    }
  }

  private showFile(): void {
    const shape = shapeOf(this.state);
    if (shape === this.shape) this.fields.refresh();
    else this.rebuild(shape);
    const { problem } = this.state.checked;
    this.say(problem === null ? "valid: the game plays this file" : problem, problem !== null);
    for (const id of ["save", "drive"]) part(id, HTMLButtonElement).disabled = problem !== null;
    part("undo", HTMLButtonElement).disabled = !this.state.canUndo;
    part("redo", HTMLButtonElement).disabled = !this.state.canRedo;
  }

  private rebuild(shape: string): void {
    const { selected } = this.state;
    this.shape = shape;
    this.fields.clear();
    this.form.replaceChildren(...panels(this.state, this.fields), nextList());
    if (selected !== this.shownEntity) document.getElementById(ENTITY_PANEL_ID)?.scrollIntoView({ block: "nearest" });
    this.shownEntity = selected;
  }

  private say(sentence: string, bad: boolean): void {
    this.problem.textContent = bad ? `✗ ${sentence}` : `✓ ${sentence}`;
    this.problem.className = bad ? "bad" : "good";
  }

  private listen(): void {
    const on = (id: string, act: () => void): void => part(id, HTMLButtonElement).addEventListener("click", act);
    on("undo", () => this.state.undo());
    on("redo", () => this.state.redo());
    on("fit", () => this.state.fit());
    on("test", () => this.state.toggleTestPoint());
    on("save", () => this.save());
    on("drive", () => this.attempt(() => playInGame(this.state.file)));
    this.shipped.append(new Option("Open a scenario …", ""), ...SCENARIO_IDS.map((id) => new Option(id, id)));
    this.shipped.addEventListener("change", () => {
      const id = this.shipped.value;
      if (id !== "") void this.open(() => shippedFile(id));
    });
    const input = part("file", HTMLInputElement);
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file !== undefined) void this.open(() => localFile(file)).then(() => (input.value = ""));
    });
    listenToDrops(part("drop", HTMLParagraphElement), (file) => void this.open(() => localFile(file)));
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeunload", (event) => this.state.isDirty && event.preventDefault());
  }

  private async open(read: () => Promise<Json>): Promise<void> {
    if (this.state.isDirty && !confirm("The open scenario has changes that are not saved. Drop them?")) return;
    try {
      const file = await read();
      this.untouched = true;
      this.state.open(file);
    } catch (error) {
      this.report(error);
    }
  }

  private save(): void {
    this.attempt(() => {
      download(this.state.file);
      this.state.saved();
    });
  }

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.report(error);
    }
  }

  private report(error: unknown): void {
    if (!(error instanceof ScenarioError || error instanceof AssetError)) throw error;
    this.say(error.message, true);
  }

  private key(event: KeyboardEvent): void {
    const name = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (control && name === "s") {
      event.preventDefault();
      return this.save();
    }
    const { target } = event;
    if (target instanceof Element && target.matches("input:not([type=range]), select, textarea")) return;
    if (control && name === "z") return event.shiftKey ? this.state.redo() : this.state.undo();
    if (control && name === "y") return this.state.redo();
    if (control || event.altKey) return;
    if (name === " " && !(target instanceof HTMLButtonElement)) this.timeline.toggle();
    if (name === "f") this.state.fit();
    if (name === "escape") this.state.select(null);
  }
}

function nextList(): HTMLDataListElement {
  const list = document.createElement("datalist");
  list.id = NEXT_LIST;
  list.append(...SCENARIO_IDS.map((id) => new Option(id, id)));
  return list;
}

async function start(): Promise<void> {
  const wanted = new URLSearchParams(location.search).get("scenario") ?? FIRST_ID;
  const id = SCENARIO_IDS.includes(wanted) ? wanted : (SCENARIO_IDS[0] ?? FIRST_ID);
  try {
    const editor = new Editor(await shippedFile(id));
    part("shipped", HTMLSelectElement).value = id;
    await editor.loadCity();
  } catch (error) {
    if (!(error instanceof AssetError)) throw error;
    part("problem", HTMLParagraphElement).textContent = error.message;
  }
}

void start();
