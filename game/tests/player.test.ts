/** What the sessions page makes of the API's answers. */

import { describe, expect, it } from "vitest";

import { fetchSessions } from "../src/player/api";
import { apiBase } from "../src/upload/base";
import { gradeOf, isInMotion, passedOf, shortWallet, solOf, totalsOf } from "../src/player/figures";
import { type PlayerSession, refusalOf, sessionsOf } from "../src/player/sessions";

const SESSION: PlayerSession = {
  sessionId: "session_1",
  issuedMs: 1000,
  status: "accepted",
  verdict: "Taken.",
  segments: 6,
  segmentsPassed: 5,
  alignmentGrade: "exact",
  earnedLamports: null,
};

const ORIGIN = "https://play.example";

function sender(status: number, body: string): typeof fetch {
  return () => Promise.resolve(new Response(body, { status }));
}

describe("the answer", () => {
  it("lists the newest session first", () => {
    const sessions = [SESSION, { ...SESSION, sessionId: "session_2", issuedMs: 2000 }];
    expect(sessionsOf({ sessions }).map((each) => each.sessionId)).toEqual(["session_2", "session_1"]);
  });

  it("passes over fields that the page does not know", () => {
    expect(sessionsOf({ sessions: [{ ...SESSION, reason: null, later: 1 }], cursor: "x" })).toEqual([SESSION]);
  });

  it("refuses an unknown status by name", () => {
    expect(() => sessionsOf({ sessions: [{ ...SESSION, status: "lost" }] })).toThrow("sessions.0.status");
  });

  it("becomes a sentence where it is a problem document", async () => {
    const answer = await fetchSessions("", "t", sender(429, JSON.stringify({ detail: "Wait 9 s." })));
    expect(answer).toEqual({ kind: "refused", sentence: "Wait 9 s." });
    expect(refusalOf(502, null)).toContain("502");
    expect(await fetchSessions("", "t", sender(502, "<html>"))).toMatchObject({ kind: "refused" });
    expect(await fetchSessions("", "t", sender(200, "<html>"))).toMatchObject({ kind: "refused" });
  });

  it("signs out on 401 and carries the bearer token", async () => {
    let sent: RequestInit | undefined;
    const send: typeof fetch = (_, options) => {
      sent = options;
      return Promise.resolve(new Response("{}", { status: 401 }));
    };
    expect(await fetchSessions("", "abc", send)).toEqual({ kind: "signed-out" });
    expect(sent?.headers).toEqual({ Authorization: "Bearer abc" });
  });

  it("says so where the server cannot be reached", async () => {
    const send: typeof fetch = () => Promise.reject(new TypeError("Failed to fetch"));
    expect(await fetchSessions("", "t", send)).toMatchObject({ kind: "refused" });
  });
});

describe("the API's base", () => {
  it("is the page's origin or the built one", () => {
    expect(apiBase({ origin: ORIGIN, search: "" })).toBe(ORIGIN);
    expect(apiBase({ origin: ORIGIN, search: "", builtBase: "https://api.example/x/" })).toBe("https://api.example/x");
  });

  it("may be overridden by this computer's, the same origin's or the built one", () => {
    expect(apiBase({ origin: ORIGIN, search: "?api=http://localhost:8000/" })).toBe("http://localhost:8000");
    expect(apiBase({ origin: ORIGIN, search: "?api=/upload" })).toBe(`${ORIGIN}/upload`);
    const built = { origin: ORIGIN, search: "?api=https://api.example/v2", builtBase: "https://api.example" };
    expect(apiBase(built)).toBe("https://api.example/v2");
  });

  it("is never a stranger's", () => {
    for (const api of ["https://evil.example", "//evil.example", "http://localhost.evil.example", "javascript:1"]) {
      expect(apiBase({ origin: ORIGIN, search: `?api=${encodeURIComponent(api)}` })).toBeNull();
    }
  });
});

describe("figures", () => {
  it("sums what is known and keeps the unknown a dash", () => {
    const unjudged: PlayerSession = { ...SESSION, status: "collecting", segments: null, segmentsPassed: null };
    const totals = totalsOf([SESSION, unjudged]);
    expect(totals).toEqual({ sessions: 2, accepted: 1, segments: 6, segmentsPassed: 5, earnedLamports: null });
    expect([passedOf(SESSION), passedOf(unjudged), solOf(null)]).toEqual(["5 of 6", "—", "—"]);
    expect([isInMotion([SESSION]), isInMotion([unjudged])]).toEqual([false, true]);
  });

  it("writes amounts, grades and wallets for people", () => {
    expect([solOf(0), solOf(1), solOf(1_500_000_000)]).toEqual(["0 SOL", "0.000000001 SOL", "1.5 SOL"]);
    expect(gradeOf("exact")).toContain("number of its frame");
    expect(gradeOf("later")).toContain("does not know");
    expect(shortWallet("7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU")).toBe("7xKX…gAsU");
  });
});
