/**
 * One request to the upload API, whose every end is a value: sessions, signed out, or a sentence.
 *
 * The bearer token goes only to this page's origin, to the base that the page was built with, or to this
 * computer: a link with another `?api=` must not be able to carry it away.
 */

import { FieldError } from "../scenario/fields";
import { type PlayerSession, refusalOf, sessionsOf } from "./sessions";

export type Answer =
  | { readonly kind: "sessions"; readonly sessions: readonly PlayerSession[] }
  | { readonly kind: "signed-out" }
  | { readonly kind: "refused"; readonly sentence: string };

/** The page's place, and the API that it was built for. */
export interface Surroundings {
  /** Such as `https://play.example`. */
  readonly origin: string;
  /** Such as `?api=http://localhost:8000`. */
  readonly search: string;
  readonly builtBase?: string | undefined;
}

/**
 * The API's base URL, without a slash at its end.
 *
 * @returns Null where `?api=` names a place that must not see the token.
 */
export function apiBase({ origin, search, builtBase }: Surroundings): string | null {
  const wanted = new URLSearchParams(search).get("api");
  const usual = new URL(builtBase || origin, origin);
  if (wanted === null || wanted === "") return bare(usual);
  if (!URL.canParse(wanted, origin)) return null;
  const url = new URL(wanted, origin);
  const trusted = url.origin === origin || url.origin === usual.origin || isThisComputer(url);
  return trusted ? bare(url) : null;
}

function isThisComputer({ protocol, hostname }: URL): boolean {
  return /^https?:$/.test(protocol) && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

function bare({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.replace(/\/+$/, "");
}

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
