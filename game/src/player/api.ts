/**
 * One request to the upload API, whose every end is a value: sessions, signed out, or a sentence.
 */

import { FieldError } from "../scenario/fields";
import { type PlayerSession, refusalOf, sessionsOf } from "./sessions";

export type Answer =
  | { readonly kind: "sessions"; readonly sessions: readonly PlayerSession[] }
  | { readonly kind: "signed-out" }
  | { readonly kind: "refused"; readonly sentence: string };

/** The signed-in wallet's sessions. */
export async function fetchSessions(base: string, token: string, send: typeof fetch = fetch): Promise<Answer> {
  let answer: Response;
  try {
    answer = await send(`${base}/v1/sessions`, { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refused("The server cannot be reached; check your connection.");
  }
  if (answer.status === 401) return { kind: "signed-out" };
  const body = await bodyOf(answer);
  return answer.ok ? understood(body) : refused(refusalOf(answer.status, body));
}

/** Parsed JSON; null where the body is none. */
async function bodyOf(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

function understood(body: unknown): Answer {
  try {
    return { kind: "sessions", sessions: sessionsOf(body) };
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    return refused(`The server's answer cannot be read (${error.message}); reload the page.`);
  }
}

function refused(sentence: string): Answer {
  return { kind: "refused", sentence };
}
