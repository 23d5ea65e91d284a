/** What the sessions page makes of a wallet's earnings. */

import { describe, expect, it } from "vitest";

import { fetchEarnings } from "../src/player/api";
import { type Earning, earningsOf, safeLink, stateOf } from "../src/player/earnings";

const PAID: Earning = {
  entryId: 1,
  day: "2026-02-01",
  segments: 5,
  lamports: 1_000_000,
  isCorrection: false,
  state: "paid",
  signature: "5Sig",
  url: "https://explorer.example/5Sig",
};
const BODY = { earnedLamports: 1_000_000, paidLamports: 1_000_000, entries: [PAID] };

describe("the answer", () => {
  it("is read field by field, and later fields are passed over", () => {
    expect(earningsOf({ ...BODY, later: 1 })).toEqual(BODY);
  });

  it("is refused by the name of what is wrong", () => {
    expect(() => earningsOf({ ...BODY, entries: [{ ...PAID, state: "lost" }] })).toThrow("entries.0.state");
    expect(() => earningsOf({ ...BODY, entries: [{ ...PAID, isCorrection: 1 }] })).toThrow("entries.0.isCorrection");
  });

  it("may take back: sums and entries can be negative", () => {
    const taken = { ...PAID, lamports: -500, segments: -2, isCorrection: true, state: "owed" as const };
    expect(earningsOf({ earnedLamports: -500, paidLamports: 0, entries: [taken] }).entries).toEqual([taken]);
  });

  it("comes from its own address, with the token", async () => {
    const asked: unknown[] = [];
    const send: typeof fetch = (url, options) => {
      asked.push(url, options?.headers);
      return Promise.resolve(new Response(JSON.stringify(BODY)));
    };
    expect(await fetchEarnings("https://api.example", "abc", send)).toEqual({ kind: "earnings", earnings: BODY });
    expect(asked).toEqual(["https://api.example/v1/earnings", { Authorization: "Bearer abc" }]);
  });
});

describe("an entry", () => {
  it("says where its money is", () => {
    const states = (["paid", "sent", "blocked", "owed"] as const).map((state) => stateOf({ ...PAID, state }));
    expect(states).toEqual(["paid", "on its way", "refused by the chain; we are looking into it", "waits for the next payment"]);
    expect(stateOf({ ...PAID, state: "owed", lamports: -1 })).toContain("taken off");
  });

  it("links to web pages only", () => {
    expect(["https://a.example/x", "http://127.0.0.1:8899/tx/5"].map(safeLink)).not.toContain(null);
    expect([null, "javascript:alert(1)", "data:text/html,x", "/tx/5"].map(safeLink)).toEqual([null, null, null, null]);
  });
});
