/**
 * The answer of `GET /v1/sessions`, as `scalediff_contract/uploads.py` declares it, and its problem documents.
 *
 * Fields that this page does not know are passed over, so that a newer API does not break an older page.
 */

import { type Check, type Fields, listOf, nullable, number, objectOf, oneOf, recordOf, required, text } from "../scenario/fields";

export const STATUSES = ["issued", "collecting", "quarantined", "rejected", "accepted"] as const;
export type PlayerStatus = (typeof STATUSES)[number];

/** A session as its player sees it. */
export interface PlayerSession {
  readonly sessionId: string;
  /** Epoch ms of the server's clock. */
  readonly issuedMs: number;
  readonly status: PlayerStatus;
  /** What happened and how to do better. */
  readonly verdict: string;
  /** Cut from the session; null before it was judged. */
  readonly segments: number | null;
  /** Of them, those in a dataset. */
  readonly segmentsPassed: number | null;
  readonly alignmentGrade: string | null;
  /** Null until payouts exist. */
  readonly earnedLamports: number | null;
}

const count = number({ ge: 0 });

const session = known<PlayerSession>("PlayerSession", {
  sessionId: required(text),
  issuedMs: required(count),
  status: required(oneOf<PlayerStatus>(...STATUSES)),
  verdict: required(text),
  segments: nullable(count),
  segmentsPassed: nullable(count),
  alignmentGrade: nullable(text),
  earnedLamports: nullable(count),
});

const answer = known<{ readonly sessions: readonly PlayerSession[] }>("PlayerSessions", {
  sessions: required(listOf(session)),
});

/** An object of which only the listed fields are read. */
export function known<T>(model: string, fields: Fields<T>): Check<T> {
  const check = objectOf(model, fields);
  return (value, at) => {
    const found = Object.entries(recordOf(model, value, at)).filter(([name]) => name in fields);
    return check(Object.fromEntries(found), at);
  };
}

/**
 * The sessions in an answer's body, newest first.
 *
 * @throws FieldError - Naming the first field that is wrong.
 */
export function sessionsOf(body: unknown): readonly PlayerSession[] {
  return answer(body, []).sessions.toSorted((one, other) => other.issuedMs - one.issuedMs);
}

/** One sentence about a refused request: its problem document's `detail`, or the status. */
export function refusalOf(status: number, body: unknown): string {
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : null;
  if (typeof detail === "string" && detail !== "") return detail;
  return `The server answered with status ${status}; try again in a minute.`;
}
