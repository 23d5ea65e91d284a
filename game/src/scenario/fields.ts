/**
 * Checks of parsed JSON, field by field; a refusal says the same as pydantic does in Python.
 *
 * A check takes a value and where it stands, and gives it back with its type. The first fault in the
 * order of the fields is thrown, unknown fields last.
 */

/** Where a value stands: keys and indices from the file's root. */
export type At = readonly (string | number)[];

export type Check<T> = (value: unknown, at: At) => T;

/** A value that is not what its field needs. */
export class FieldError extends Error {
  override readonly name = "FieldError";

  constructor(at: At, reason: string) {
    super(`${at.join(".") || "the file"}: ${reason}`);
  }
}

/** Limits of a number. */
export interface Range {
  readonly ge?: number;
  readonly gt?: number;
  readonly le?: number;
}

/** A finite number within limits. */
export function number(range: Range): Check<number> {
  return (value, at) => {
    if (typeof value === "string") {
      throw new FieldError(at, "Input should be a valid number, unable to parse string as a number");
    }
    if (typeof value !== "number") throw new FieldError(at, "Input should be a valid number");
    if (!Number.isFinite(value)) throw new FieldError(at, "Input should be a finite number");
    if (range.ge !== undefined && value < range.ge) {
      throw new FieldError(at, `Input should be greater than or equal to ${range.ge}`);
    }
    if (range.gt !== undefined && value <= range.gt) throw new FieldError(at, `Input should be greater than ${range.gt}`);
    if (range.le !== undefined && value > range.le) {
      throw new FieldError(at, `Input should be less than or equal to ${range.le}`);
    }
    return value;
  };
}

/** Any text. */
export const text: Check<string> = (value, at) => {
  if (typeof value !== "string") throw new FieldError(at, "Input should be a valid string");
  return value;
};

/** Text of a length. */
export function textOfLength(least: number, most: number): Check<string> {
  return (value, at) => {
    const found = text(value, at);
    const length = [...found].length;
    if (length < least) throw new FieldError(at, `String should have at least ${least} character${least > 1 ? "s" : ""}`);
    if (length > most) throw new FieldError(at, `String should have at most ${most} characters`);
    return found;
  };
}

/** Text of a pattern. */
export function textLike(pattern: RegExp): Check<string> {
  return (value, at) => {
    const found = text(value, at);
    if (!pattern.test(found)) throw new FieldError(at, `String should match pattern '${pattern.source}'`);
    return found;
  };
}

/** One of a few values. */
export function oneOf<const T extends string | number>(...values: readonly T[]): Check<T> {
  return (value, at) => {
    const found = values.find((known) => known === value);
    if (found === undefined) throw new FieldError(at, `Input should be ${listed(values)}`);
    return found;
  };
}

function listed(values: readonly (string | number)[]): string {
  const names = values.map(quoted);
  const last = names.pop() ?? "nothing";
  return names.length > 0 ? `${names.join(", ")} or ${last}` : last;
}

function quoted(value: string | number): string {
  return typeof value === "string" ? `'${value}'` : `${value}`;
}

/** A list of things. */
export function listOf<T>(item: Check<T>, least = 0, most = Infinity): Check<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new FieldError(at, "Input should be a valid list");
    const items = value.map((one: unknown, index) => item(one, [...at, index]));
    if (items.length < least) throw new FieldError(at, wrongCount("least", least, items.length));
    if (items.length > most) throw new FieldError(at, wrongCount("most", most, items.length));
    return items;
  };
}

function wrongCount(which: "least" | "most", limit: number, count: number): string {
  return `List should have at ${which} ${limit} item${limit > 1 ? "s" : ""} after validation, not ${count}`;
}

/** Two things. */
export function pairOf<T>(item: Check<T>): Check<readonly [T, T]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new FieldError(at, "Input should be a valid tuple");
    if (value.length < 2) throw new FieldError([...at, value.length], "Field required");
    if (value.length > 2) {
      throw new FieldError(at, `Tuple should have at most 2 items after validation, not ${value.length}`);
    }
    return [item(value[0], [...at, 0]), item(value[1], [...at, 1])];
  };
}

/** A field of an object: how to check it, and what it is where it is missing. */
export interface Field<T> {
  readonly check: Check<T>;
  readonly fallback?: { readonly value: T };
}

/** A field that must be there. */
export function required<T>(check: Check<T>): Field<T> {
  return { check };
}

/** A field that may be missing. */
export function optional<T>(check: Check<T>, value: T): Field<T> {
  return { check, fallback: { value } };
}

/** A field that may be missing or null. */
export function nullable<T>(check: Check<T>): Field<T | null> {
  return optional<T | null>((value, at) => (value === null ? null : check(value, at)), null);
}

export type Fields<T> = { readonly [Name in keyof T]-?: Field<T[Name]> };

/** An object with exactly these fields; `model` is its name in messages. */
export function objectOf<T>(model: string, fields: Fields<T>): Check<T> {
  return (value, at) => {
    const found = recordOf(model, value, at);
    const result: Partial<T> = {};
    for (const name of namesOf(fields)) result[name] = fieldValue(fields[name], found, name, at);
    const extra = Object.keys(found).find((name) => !(name in fields));
    if (extra !== undefined) throw new FieldError([...at, extra], "Extra inputs are not permitted");
    return result as T;
  };
}

/** Any JSON object. */
export function recordOf(model: string, value: unknown, at: At): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FieldError(at, `Input should be a valid dictionary or instance of ${model}`);
  }
  return value as Record<string, unknown>;
}

function namesOf<T>(fields: Fields<T>): readonly (keyof T & string)[] {
  return Object.keys(fields) as (keyof T & string)[];
}

function fieldValue<T>(field: Field<T>, found: Readonly<Record<string, unknown>>, name: string, at: At): T {
  if (name in found) return field.check(found[name], [...at, name]);
  if (field.fallback === undefined) throw new FieldError([...at, name], "Field required");
  return field.fallback.value;
}
