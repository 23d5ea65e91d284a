/** A recorder's file on the session's clock, by the ids in its pictures. */

import { describe, expect, it } from "vitest";

import { DriveLog } from "../src/recorder/drive_log";
import { placeFrames } from "../src/recorder/placing";

/** Frames 100, 101, ... drawn every 40 ms from 5,000 ms on. */
function logOf(frames: number): DriveLog {
  const log = new DriveLog();
  const car = { xM: 0, yM: 0, yawRad: 0, speedMps: 0, steerRad: 0, pushMps2: 0 };
  const controls = { steer: 0, throttle: 0, brake: 0 };
  for (let k = 0; k < frames; k++) {
    log.add({ frame: 100 + k, tMs: 5_000 + 40 * k, car, controls, command: 4, heldMask: 0, events: [] });
  }
  return log;
}

const options = { log: logOf(50), startMs: 4_900, local: false, beganMs: 5_010, seenMs: new Map<number, number>() };
const filed = (...frames: [fileMs: number, id: number | null][]) => frames.map(([fileMs, id]) => ({ fileMs, id }));

describe("a file's frames", () => {
  it("have their ticks' times where the picture never left the page", () => {
    const seenMs = new Map([[101, 5_052]]);
    const { links, latenciesMs } = placeFrames(filed([0, 100], [43, 101], [76, 102]), { ...options, local: true, seenMs });
    expect(links).toEqual([[0, 100_000, 100, null], [1, 140_000, 101, null], [2, 180_000, 102, null]]);
    expect(latenciesMs).toEqual([12, 12, 12]);
  });

  it("have the time at which a painted picture was seen, and between two such the delay between theirs", () => {
    const seenMs = new Map([[100, 5_300], [104, 5_480]]);
    const { links, latenciesMs } = placeFrames(filed([0, 100], [0, 102], [0, 103], [9_000, 104]), { ...options, seenMs });
    expect(links.map(([, ptsUs]) => ptsUs)).toEqual([400_000, 490_000, 535_000, 580_000]);
    expect(latenciesMs).toEqual([300, 310, 315, 320]);
  });

  it("lie from the recorder's start on where no stamp came back", () => {
    const { links, latenciesMs } = placeFrames(filed([7, null], [47, null]), options);
    expect(links).toEqual([[0, 110_000, null, null], [1, 150_000, null, null]]);
    expect(latenciesMs).toEqual([]);
  });

  it("end with the session's last tick", () => {
    const { links } = placeFrames(filed([0, 148], [40, 149], [80, 150], [120, null]), { ...options, local: true });
    expect(links.map(([, , id]) => id)).toEqual([148, 149]);
  });

  it("never share a time, even where the file's do", () => {
    const { links } = placeFrames(filed([0, 100], [0, 101], [0, null], [1, 103]), options);
    const ms = links.map(([, ptsUs]) => Math.round(ptsUs / 1_000));
    expect(new Set(ms).size).toBe(4);
    expect(ms).toEqual([...ms].sort((a, b) => a - b));
  });

  it("have the file's time where a picture was written twice", () => {
    const { links } = placeFrames(filed([0, 100], [20, 100], [40, 101], [80, 102]), { ...options, local: true });
    expect(links.map(([, ptsUs, id]) => [ptsUs, id])).toEqual([[100_000, 100], [120_000, 100], [140_000, 101], [180_000, 102]]);
  });

  it("keep no id that no tick has", () => {
    const { links } = placeFrames(filed([0, 100], [40, 7_777], [80, 102]), { ...options, local: true });
    expect(links.map(([, , id]) => id)).toEqual([100, null, 102]);
  });
});
