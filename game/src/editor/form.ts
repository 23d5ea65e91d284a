/** Fields of the side form: each shows one value of the file and writes it back when it is changed. */

import type { At } from "../scenario/fields";
import { typedValue } from "./edits";
import { type Json, valueAt, withValue } from "./json";
import type { EditorState } from "./state";

type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** What a field needs besides its place. */
export interface FieldOptions {
  readonly kind?: "number" | "text" | "color" | "long";
  /** A closed list of values. */
  readonly choices?: readonly string[];
  /** Ids of a `datalist` that proposes values. */
  readonly list?: string;
  /** Shown where the file has no such field. */
  readonly fallback?: string;
  /** An empty field takes the value out of the file. */
  readonly leavesOut?: boolean;
  /** Columns of four. */
  readonly width?: 1 | 2 | 4;
  /** What to show, where it is not the value at the field's place. */
  readonly value?: () => string;
  /** How to change the file, where it is more than setting the value. */
  readonly edit?: (file: Json, text: string) => Json;
}

/** The fields that are on the page now. */
export class Fields {
  private shown: (() => void)[] = [];

  constructor(private readonly state: EditorState) {}

  /** Forget all fields; the form is built anew. */
  clear(): void {
    this.shown = [];
  }

  /** Show the file's values. */
  refresh(): void {
    for (const show of this.shown) show();
  }

  /** A field with its label. */
  field(label: string, at: At, options: FieldOptions = {}): HTMLLabelElement {
    const made = document.createElement("label");
    made.className = `w${options.width ?? 1}`;
    made.append(label, this.input(label, at, options));
    return made;
  }

  /** A field without a label of its own, as in a table. */
  input(name: string, at: At, options: FieldOptions = {}): Input {
    const input = inputOf(options);
    input.setAttribute("aria-label", name);
    const show = (): void => {
      const value = options.value?.() ?? valueAt(this.state.file, at);
      input.value = typeof value === "number" || typeof value === "string" ? `${value}` : (options.fallback ?? "");
    };
    input.addEventListener("change", () => this.state.edit(this.edited(at, options, input.value)));
    this.shown.push(show);
    show();
    return input;
  }

  private edited(at: At, { kind = "number", choices, leavesOut, edit }: FieldOptions, text: string): Json {
    const { file } = this.state;
    if (edit !== undefined) return edit(file, text);
    if (leavesOut === true && text === "") return withValue(file, at, undefined);
    return withValue(file, at, typedValue(text, kind === "number" && choices === undefined ? "number" : "text"));
  }
}

function inputOf({ kind = "number", choices, list }: FieldOptions): Input {
  if (choices !== undefined) {
    const select = document.createElement("select");
    select.append(...choices.map((choice) => new Option(choice, choice)));
    return select;
  }
  if (kind === "long") return document.createElement("textarea");
  const input = document.createElement("input");
  input.type = kind;
  if (kind === "number") input.step = "any";
  if (list !== undefined) input.setAttribute("list", list);
  return input;
}

/** A part of the form with its heading. */
export function section(title: string, ...children: readonly Node[]): HTMLElement {
  const made = document.createElement("section");
  const heading = document.createElement("h2");
  heading.textContent = title;
  made.append(heading, ...children);
  return made;
}

/** An element with a class around others. */
export function box(name: string, ...children: readonly (Node | string)[]): HTMLDivElement {
  const made = document.createElement("div");
  made.className = name;
  made.append(...children);
  return made;
}

/** A button with words. */
export function button(words: string, label: string, click: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", click);
  return made;
}
