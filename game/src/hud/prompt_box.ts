/**
 * The line in which the player says what the model shall paint: `/` goes there, Enter sends, Esc leaves.
 *
 * Keys typed here never reach the car or the page's shortcuts. The line is entered when `/` is let go, so
 * that whoever logs the keyboard sees the key go down and come up.
 */

import { addElement, isTyping } from "./elements";

const MAX_PROMPT_CHARS = 500;

/** A prompt input that gives the keyboard back. */
export class PromptBox {
  private readonly input: HTMLInputElement;
  private sent = "";

  constructor(
    parent: Element,
    private readonly send: (text: string) => void,
  ) {
    const label = addElement(parent, "label", { className: "hud-prompt", text: "prompt" });
    this.input = addElement(label, "input", { id: "hud-prompt" });
    this.input.type = "text";
    this.input.maxLength = MAX_PROMPT_CHARS;
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    this.input.placeholder = "press / and say what to paint";
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("keyup", (event) => event.stopPropagation());
    this.input.addEventListener("blur", () => (this.input.value = this.sent));
  }

  /** Enter the line where `key` is its shortcut. */
  onShortcut(event: KeyboardEvent): void {
    if (event.key !== "/" || isTyping(event)) return;
    document.exitPointerLock();
    this.input.focus();
    this.input.select();
  }

  private onKey(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Enter") this.submit();
    if (event.key === "Enter" || event.key === "Escape") this.input.blur();
  }

  private submit(): void {
    const text = this.input.value.trim();
    if (text === "") return;
    this.sent = text;
    this.send(text);
  }
}
