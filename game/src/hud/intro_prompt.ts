/**
 * The intro's command line: a word typed and Enter, or a press of the button that has the word on it.
 *
 * A choice that cannot be made now has a reason; its button is disabled beside the reason, and typing its
 * word says it.
 */

import { addButton, addElement, setHidden, setLine, setText } from "./elements";

/** A word the player can answer with. */
export interface Choice {
  readonly word: string;
  readonly id: string;
  readonly meaning: string;
  /** Why it cannot be chosen; null where it can. */
  readonly refusal: string | null;
}

interface Row {
  choice: Choice;
  readonly row: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly words: HTMLElement;
}

/** Asks for one of the words it was made with. */
export class CommandPrompt {
  private readonly block: HTMLElement;
  private readonly input: HTMLInputElement;
  private readonly error: HTMLElement;
  private readonly rows: readonly Row[];
  private words: readonly string[] = [];
  private answer: (word: string) => void = () => {};

  constructor(parent: Element, choices: readonly Choice[]) {
    this.error = addElement(parent, "div", { id: "intro-error" });
    this.error.setAttribute("role", "alert");
    this.block = addElement(parent, "div", { className: "intro-prompt" });
    this.rows = choices.map((choice) => this.addRow(choice));
    const line = addElement(this.block, "label", { className: "intro-line", text: "you@scalediff:~$" });
    this.input = addElement(line, "input", { id: "intro-input" });
    this.input.type = "text";
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    this.input.setAttribute("aria-label", "command");
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) this.enter(this.input.value.trim().toLowerCase());
    });
    this.showError("");
    setHidden(this.block, true);
  }

  /** Wait until one of these words is chosen; the line is hidden again then. */
  ask(words: readonly string[]): Promise<string> {
    this.words = words;
    for (const { choice, row } of this.rows) setHidden(row, !words.includes(choice.word));
    setHidden(this.block, false);
    this.input.value = "";
    this.input.focus();
    return new Promise((resolve) => {
      this.answer = (word) => {
        this.answer = () => {};
        this.showError("");
        setHidden(this.block, true);
        resolve(word);
      };
    });
  }

  /** What stood against a choice has gone. */
  allow(word: string): void {
    for (const row of this.rows.filter(({ choice }) => choice.word === word)) {
      row.choice = { ...row.choice, refusal: null };
      showRow(row);
    }
  }

  /** Say what went wrong, in one red line; nothing takes it away. */
  showError(message: string): void {
    setLine(this.error, message);
  }

  private addRow(choice: Choice): Row {
    const row = addElement(this.block, "div", { className: "intro-choice" });
    const button = addButton(row, { id: choice.id, text: choice.word }, () => this.answer(choice.word));
    const made = { choice, row, button, words: addElement(row, "span") };
    showRow(made);
    return made;
  }

  private enter(word: string): void {
    if (word === "") return;
    const row = this.rows.find(({ choice }) => choice.word === word && this.words.includes(word));
    if (row !== undefined && row.choice.refusal === null) return this.answer(word);
    this.input.select();
    this.showError(row?.choice.refusal ?? `"${word}" is no command here; type ${this.words.join(" or ")}`);
  }
}

function showRow({ choice, button, words }: Row): void {
  button.disabled = choice.refusal !== null;
  setText(words, choice.refusal ?? choice.meaning);
}
