/**
 * Short notices at the HUD's lower edge: the newest three, each gone after some seconds.
 *
 * The three lines are made once; a fourth notice takes the place of the oldest.
 */

import { addElement, setData, setLine } from "./elements";

const LINES = 3;
const SHOWN_MS = 6000;

export type NoteKind = "info" | "warn";

interface Note {
  readonly text: string;
  readonly kind: NoteKind;
}

/** The stack of notices. */
export class Notes {
  private readonly lines: readonly HTMLElement[];
  private notes: readonly Note[] = [];

  constructor(parent: Element) {
    const stack = addElement(parent, "div", { className: "hud-notes" });
    stack.setAttribute("role", "status");
    this.lines = Array.from({ length: LINES }, () => addElement(stack, "div", { className: "hud-note" }));
    this.draw();
  }

  /** Show a notice; one with the same words is renewed, not repeated. */
  add(text: string, kind: NoteKind): void {
    const note: Note = { text, kind };
    this.notes = [...this.notes.filter((shown) => shown.text !== text), note].slice(-LINES);
    this.draw();
    setTimeout(() => this.remove(note), SHOWN_MS);
  }

  private remove(note: Note): void {
    this.notes = this.notes.filter((shown) => shown !== note);
    this.draw();
  }

  private draw(): void {
    this.lines.forEach((line, k) => {
      const note = this.notes[k];
      setLine(line, note?.text ?? "");
      setData(line, "kind", note?.kind ?? "info");
    });
  }
}
