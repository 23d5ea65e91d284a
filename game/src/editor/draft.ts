/** A file under edit, checked by the game's own reader; only what that reader takes can be saved or played. */

import { ScenarioError } from "../scenario/errors";
import { type Scenario, scenarioOf } from "../scenario/stage";
import { type Json, prettyPrinted, textAt } from "./json";

/** A checked file. */
export type Checked =
  | { readonly scenario: Scenario; readonly problem: null }
  | { readonly scenario: null; readonly problem: string };

/** The scenario that a file makes, or the first thing that is wrong with it. */
export function checked(file: Json): Checked {
  try {
    return { scenario: scenarioOf(file, sourceOf(file)), problem: null };
  } catch (error) {
    if (error instanceof ScenarioError) return { scenario: null, problem: error.problem };
    throw error;
  }
}

function sourceOf(file: Json): string {
  return `${textAt(file, ["id"]) || "new"}.json`;
}

/** What to write to disk. */
export interface SavedFile {
  readonly name: string;
  readonly text: string;
}

/**
 * The file to save.
 *
 * @throws ScenarioError - Where the file is not valid.
 */
export function savedFile(file: Json): SavedFile {
  const { id } = scenarioOf(file, sourceOf(file));
  return { name: `${id}.json`, text: prettyPrinted(file) };
}

/**
 * A file's text as JSON.
 *
 * @throws ScenarioError - Where it is no JSON.
 */
export function parsed(text: string, source: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) throw new ScenarioError(source, `is no JSON: ${error.message}`);
    throw error;
  }
}
