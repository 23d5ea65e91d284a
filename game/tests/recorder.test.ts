import { describe, expect, it } from "vitest";

import { DriveLog } from "../src/recorder/drive_log";
import { BLOCKS, blockPx, MAX_FRAME_ID, readStrip, stampBits } from "../src/recorder/stamp";
import { refusals } from "../src/upload/worth";
import { base58 } from "../src/wallet/base58";

/** A strip of luma as a decoder would give it, with some noise. */
function strip(frameId: number, block: number, noise = 0): Uint8Array {
  const luma = new Uint8Array(BLOCKS * block * block);
  stampBits(frameId).forEach((bit, k) => {
    for (let y = 0; y < block; y++) {
      for (let x = 0; x < block; x++) {
        const shade = (bit ? 220 : 30) + ((x * 7 + y * 13 + k * 5) % (noise + 1));
        luma[y * BLOCKS * block + k * block + x] = shade;
      }
    }
  });
  return luma;
}

describe("the stamp", () => {
  it("is read back, at both sizes and with noise", () => {
    for (const frameId of [0, 1, 255, 4_711, 65_536, MAX_FRAME_ID]) {
      expect(readStrip(strip(frameId, 16), 16)).toBe(frameId);
      expect(readStrip(strip(frameId, 8, 30), 8)).toBe(frameId);
    }
  });

  it("is refused where a bit is damaged", () => {
    const luma = strip(1_234, 16);
    for (let y = 0; y < 16; y++) for (let x = 80; x < 96; x++) luma[y * BLOCKS * 16 + x] = 255 - (luma[y * BLOCKS * 16 + x] ?? 0);
    expect(readStrip(luma, 16)).toBeNull();
  });

  it("refuses an id that does not fit", () => {
    expect(() => stampBits(MAX_FRAME_ID + 1)).toThrow("does not fit 24 bits");
  });

  it("has blocks that fit the picture", () => {
    expect([blockPx(1_280, 720), blockPx(640, 360), blockPx(320, 180), blockPx(200, 400)]).toEqual([16, 16, 8, 6]);
  });
});

describe("the log of a drive", () => {
  const tick = (frame: number, tMs: number) => ({
    frame,
    tMs,
    car: { xM: 10, yM: 3, yawRad: 0.5, speedMps: 7, steerRad: 0, pushMps2: 0 },
    controls: { steer: 0.25, throttle: 1, brake: 0 },
    command: 4,
    heldMask: 1,
    events: [{ t: tMs - 5, type: "keydown" as const, key: "w", code: "KeyW" }],
  });

  it("writes rows in the game's axes and knows when a frame was drawn", () => {
    const log = new DriveLog();
    log.add(tick(7, 1_000));
    log.add(tick(8, 1_033));
    expect(log.camera[0]).toMatchObject({ t: 1_000, pos: [3, 1.6, -10], yaw: -0.5, speed: 7, frame: 7, keys: 1 });
    expect(log.inputs[1]).toEqual({ t: 1_028, type: "keydown", key: "w", code: "KeyW", frame: 8 });
    expect([log.drawnMs(8), log.drawnMs(9), log.firstFrame, log.drivingPresses]).toEqual([1_033, null, 7, 2]);
  });
});

describe("what is worth uploading", () => {
  const good = { seconds: 60, frames: 1_200, drivingPresses: 40, hiddenMs: 120, dropped: 3 };

  it("is a minute of driving", () => {
    expect(refusals(good)).toEqual([]);
  });

  it.each([
    ["empty", { frames: 0, dropped: 0 }, "no picture was recorded"],
    ["short", { seconds: 19.4 }, "the drive took 19 s: drive for at least 20 s"],
    ["idle", { drivingPresses: 4 }, "you pressed 4.0 keys a minute (minimum 5)"],
    ["hidden", { hiddenMs: 3_200 }, "the game's tab was hidden for 3.2 s"],
    ["starved", { dropped: 400 }, "400 of 1600 pictures could not be recorded"],
  ])("is not what is %s", (_name, changed, why) => {
    expect(refusals({ ...good, ...changed }).join()).toContain(why);
  });
});

it("writes base58 as everybody does", () => {
  // Vectors of draft-msporny-base58-03, section 5.
  expect(base58(new TextEncoder().encode("Hello World!"))).toBe("2NEpo7TZRRrLZSi2U");
  expect(base58(Uint8Array.from([0x00, 0x00, 0x28, 0x7f, 0xb4, 0xcd]))).toBe("11233QC4");
  expect(base58(new Uint8Array(32))).toBe("1".repeat(32));
});
