/**
 * DOM nodes for the page's panels: made once, then only their text and attributes change.
 *
 * Every writer here compares before it writes, so that a call per frame costs a comparison and no layout.
 * Text goes in as text; nothing here parses markup.
 */

import type { Tone } from "./format";

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** What a new element starts with. */
export interface ElementStart {
  readonly id?: string;
  readonly className?: string;
  readonly text?: string;
}

/** Make an element as the last child of `parent`. */
export function addElement<K extends keyof HTMLElementTagNameMap>(
  parent: Element,
  tag: K,
  { id, className, text }: ElementStart = {},
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (id !== undefined) node.id = id;
  if (className !== undefined) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

/** Make a button as the last child of `parent`; it never takes the keyboard away from the game for long. */
export function addButton(parent: Element, start: ElementStart, press: () => void): HTMLButtonElement {
  const button = addElement(parent, "button", start);
  button.type = "button";
  button.addEventListener("click", () => {
    button.blur();
    press();
  });
  return button;
}

/** Make an SVG element as the last child of `parent`. */
export function addSvg<K extends keyof SVGElementTagNameMap>(
  parent: Element,
  tag: K,
  attributes: Readonly<Record<string, string>>,
): SVGElementTagNameMap[K] {
  const node = document.createElementNS(SVG_NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

/** Write a text where it differs. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Write a text and hide the node where it is empty. */
export function setLine(node: HTMLElement, text: string): void {
  setText(node, text);
  setHidden(node, text === "");
}

/** Show or hide a node. */
export function setHidden(node: HTMLElement, hidden: boolean): void {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** Colour a node by the stylesheet's `data-tone` rules. */
export function setTone(node: HTMLElement, tone: Tone): void {
  setData(node, "tone", tone);
}

/** Write a `data-` attribute where it differs. */
export function setData(node: HTMLElement | SVGElement, name: string, value: string): void {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

/** Whether an event's target is something that takes typed text. */
export function isTyping(event: Event): boolean {
  return event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
}
