/** The answer of `GET /v1/earnings`, as `scalediff_contract/uploads.py` declares it, and what it says in words. */

import { type Check, nullable, number, oneOf, required, listOf, text } from "../scenario/fields";
import { known } from "./sessions";

export const STATES = ["owed", "sent", "paid", "blocked"] as const;
export type EarningState = (typeof STATES)[number];

/** An entry of the ledger. */
export interface Earning {
  readonly entryId: number;
  /** Of arrival, `2026-02-01`. */
  readonly day: string;
  /** Accepted segments; negative in a correction that takes back. */
  readonly segments: number;
  readonly lamports: number;
  readonly isCorrection: boolean;
  readonly state: EarningState;
  readonly signature: string | null;
  /** A page that shows the transaction. */
  readonly url: string | null;
}

/** What a wallet earned: its newest entries, and the sums over all of them. */
export interface Earnings {
  readonly earnedLamports: number;
  readonly paidLamports: number;
  readonly entries: readonly Earning[];
}

const amount = number({});

const flag: Check<boolean> = (value, at) => oneOf("true", "false")(String(value), at) === "true";

const entry = known<Earning>("PlayerEarning", {
  entryId: required(amount),
  day: required(text),
  segments: required(amount),
  lamports: required(amount),
  isCorrection: required(flag),
  state: required(oneOf<EarningState>(...STATES)),
  signature: nullable(text),
  url: nullable(text),
});

const answer = known<Earnings>("PlayerEarnings", {
  earnedLamports: required(amount),
  paidLamports: required(amount),
  entries: required(listOf(entry)),
});

/**
 * The earnings in an answer's body.
 *
 * @throws FieldError - Naming the first field that is wrong.
 */
export function earningsOf(body: unknown): Earnings {
  return answer(body, []);
}

/** What becomes of an entry, in a line. */
export function stateOf({ state, lamports }: Earning): string {
  if (state === "paid") return "paid";
  if (state === "sent") return "on its way";
  if (state === "blocked") return "refused by the chain; we are looking into it";
  return lamports < 0 ? "taken off what you earn next" : "waits for the next payment";
}

/** A link that leads to a web page and nowhere else: what came over the wire may be anything. */
export function safeLink(url: string | null): string | null {
  return url !== null && /^https?:\/\//.test(url) ? url : null;
}
