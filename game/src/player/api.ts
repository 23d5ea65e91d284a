/**
 * One request to the upload API, whose every end is a value: what was asked for, signed out, or a sentence.
 */

import { FieldError } from "../scenario/fields";
import { type Earnings, earningsOf } from "./earnings";
import { type PlayerSession, refusalOf, sessionsOf } from "./sessions";

export type SignedOut = { readonly kind: "signed-out" };
export type Refused = { readonly kind: "refused"; readonly sentence: string };
export type Answer = { readonly kind: "sessions"; readonly sessions: readonly PlayerSession[] } | SignedOut | Refused;
export type EarningsAnswer = { readonly kind: "earnings"; readonly earnings: Earnings } | SignedOut | Refused;

/** The signed-in wallet's sessions. */
export async function fetchSessions(base: string, token: string, send: typeof fetch = fetch): Promise<Answer> {
  return ask(`${base}/v1/sessions`, token, send, (body) => ({ kind: "sessions", sessions: sessionsOf(body) }));
}

/** What the signed-in wallet earned. */
export async function fetchEarnings(base: string, token: string, send: typeof fetch = fetch): Promise<EarningsAnswer> {
  return ask(`${base}/v1/earnings`, token, send, (body) => ({ kind: "earnings", earnings: earningsOf(body) }));
}

async function ask<T>(url: string, token: string, send: typeof fetch, read: (body: unknown) => T): Promise<T | SignedOut | Refused> {
  let answer: Response;
  try {
    answer = await send(url, { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refused("The server cannot be reached; check your connection.");
  }
  if (answer.status === 401) return { kind: "signed-out" };
  const body = await bodyOf(answer);
  return answer.ok ? understood(body, read) : refused(refusalOf(answer.status, body));
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

function understood<T>(body: unknown, read: (body: unknown) => T): T | Refused {
  try {
    return read(body);
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    return refused(`The server's answer cannot be read (${error.message}); reload the page.`);
  }
}

function refused(sentence: string): Refused {
  return { kind: "refused", sentence };
}
