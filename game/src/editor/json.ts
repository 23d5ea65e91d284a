/**
 * A scenario file as parsed JSON, read and changed by where a value stands; nothing is changed in place.
 *
 * The editor edits the file's own text, not a checked model: keys keep their order, optional fields stay
 * away, and a half-finished edit may be invalid for a while.
 */

import type { At } from "../scenario/fields";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isList(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value at a place; undefined where there is none. */
export function valueAt(root: Json, at: At): Json | undefined {
  let value: Json | undefined = root;
  for (const step of at) value = child(value, step);
  return value;
}

function child(value: Json | undefined, step: string | number): Json | undefined {
  if (isList(value)) return typeof step === "number" ? value[step] : undefined;
  return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

/** A number at a place; null where there is none. */
export function numberAt(root: Json, at: At): number | null {
  const value = valueAt(root, at);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A text at a place; empty where there is none. */
export function textAt(root: Json, at: At): string {
  const value = valueAt(root, at);
  return typeof value === "string" ? value : "";
}

/** A list at a place; empty where there is none. */
export function listAt(root: Json, at: At): readonly Json[] {
  const value = valueAt(root, at);
  return isList(value) ? value : [];
}

/** The same JSON with another value at a place; `undefined` removes what is there. */
export function withValue(root: Json, at: At, value: Json | undefined): Json {
  const [step, ...rest] = at;
  if (step === undefined) return value ?? null;
  if (isList(root)) return listWith(root, Number(step), rest, value);
  const fields = isObject(root) ? root : {};
  if (rest.length === 0 && value === undefined) {
    return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== String(step)));
  }
  return { ...fields, [step]: withValue(child(fields, step) ?? {}, rest, value) };
}

function listWith(list: readonly Json[], index: number, rest: At, value: Json | undefined): Json {
  if (rest.length === 0 && value === undefined) return list.toSpliced(index, 1);
  return list.map((item, k) => (k === index ? withValue(item, rest, value) : item));
}

const LINE_WIDTH = 100;

/** JSON with one space of indent; what fits a line stays on it. Ends with a newline. */
export function prettyPrinted(root: Json): string {
  return `${printed(root, "", 0)}\n`;
}

function printed(value: Json, indent: string, before: number): string {
  const short = inOneLine(value);
  if (typeof value !== "object" || value === null) return short;
  if (indent !== "" && indent.length + before + short.length <= LINE_WIDTH) return short;
  const inner = `${indent} `;
  if (isList(value)) {
    return value.length === 0 ? "[]" : `[\n${value.map((item) => inner + printed(item, inner, 0)).join(",\n")}\n${indent}]`;
  }
  const lines = Object.entries(value).map(([name, item]) => {
    const key = `${JSON.stringify(name)}: `;
    return inner + key + printed(item, inner, key.length);
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n${indent}}`;
}

function inOneLine(value: Json): string {
  if (isList(value)) return `[${value.map(inOneLine).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${inOneLine(item)}`);
  return `{${fields.join(", ")}}`;
}
