/** The words and figures of the HUD, the intro and the result panel. */

import { describe, expect, it } from "vitest";

import {
  clampShare, collisionsText, commandPlace, commandText, distanceText, isOverLimit, latencyText, outcomeTitle,
  outcomeTone, recordingText, shareText, shortWallet, speedKmh, timerText, totalShare,
} from "../src/hud/format";

describe("speed", () => {
  it("is whole km/h without a sign", () => {
    expect([0, 10, -2.5, 11.176].map(speedKmh)).toEqual([0, 36, 9, 40]);
  });

  it("is over the limit only where the figures shown say so", () => {
    expect(isOverLimit(11.2, 11.176)).toBe(false);
    expect(isOverLimit(11.4, 11.176)).toBe(true);
    expect(isOverLimit(-11.4, 11.176)).toBe(true);
  });
});

describe("timer", () => {
  it("counts whole seconds down and shows zero only at the end", () => {
    expect([60, 59.99, 9.01, 0.01, 0, -3].map(timerText)).toEqual(["1:00", "1:00", "0:10", "0:01", "0:00", "0:00"]);
    expect(timerText(125)).toBe("2:05");
  });

  it("shows dashes where no end is set", () => {
    expect(timerText(Infinity)).toBe("–:––");
    expect(timerText(NaN)).toBe("–:––");
  });
});

describe("navigation", () => {
  it("rounds distances to steps that do not flicker", () => {
    expect([0, 3.4, 9.6, 12, 28, 97.6, 104, 994, 996, 1260].map(distanceText)).toEqual([
      "0 m", "3 m", "10 m", "10 m", "30 m", "100 m", "100 m", "990 m", "1.0 km", "1.3 km",
    ]);
    expect(distanceText(-2)).toBe("0 m");
    expect(distanceText(Infinity)).toBe("");
  });

  it("says what to do and where", () => {
    expect(([1, 2, 3, 4] as const).map(commandText)).toEqual([
      "turn left", "turn right", "go straight", "follow the lane",
    ]);
    expect(commandPlace(1, 24)).toBe("in 25 m");
    expect(commandPlace(2, 0)).toBe("now");
    expect(commandPlace(4, 183)).toBe("crossing in 180 m");
    expect(commandPlace(4, Infinity)).toBe("");
  });
});

describe("recording and connection", () => {
  it("counts frames once there are any", () => {
    expect(recordingText("off", 0)).toBe("not recording");
    expect(recordingText("waiting", 0)).toBe("waiting for the first frame");
    expect(recordingText("recording", 1)).toBe("recording, 1 frame");
    expect(recordingText("paused", 240)).toBe("paused, 240 frames");
  });

  it("never turns an unknown latency into a number", () => {
    expect([null, NaN, 0, 84.6].map(latencyText)).toEqual(["– ms", "– ms", "0 ms", "85 ms"]);
  });
});

describe("results", () => {
  it("names and colours the known outcomes and shows others as they are", () => {
    expect(["won", "lost", "timeout", "stopped early"].map(outcomeTitle)).toEqual([
      "scenario won", "scenario lost", "time is up", "stopped early",
    ]);
    expect(["won", "lost", "timeout", "stopped early"].map(outcomeTone)).toEqual(["good", "bad", "warn", "plain"]);
  });

  it("counts collisions and stays silent without any", () => {
    expect([0, 1, 3].map(collisionsText)).toEqual(["", "1 collision", "3 collisions"]);
  });

  it("shortens an address to its ends", () => {
    expect(shortWallet("AbCd1111111111111111111111111WxYz")).toBe("AbCd…WxYz");
    expect(shortWallet("short")).toBe("short");
  });

  it("says 100 % only when everything is sent", () => {
    expect([0, 0.5, 0.999, 1, 1.2, -1, NaN].map(shareText)).toEqual(["0 %", "50 %", "99 %", "100 %", "100 %", "0 %", "0 %"]);
    expect(clampShare(NaN)).toBe(0);
  });

  it("takes the mean of the files for the total", () => {
    expect(totalShare([])).toBe(0);
    expect(totalShare([{ share: 0.5, done: false }, { share: 0, done: true }])).toBe(0.75);
  });
});
