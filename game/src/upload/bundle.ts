/** The five files of a session, or six, with sizes and hashes: what Python's `scalediff_contract/bundle.py` reads. */

import type { DriveLog } from "../recorder/drive_log";
import type { FrameLink, TrackRecording } from "../recorder/track_recorder";
import type { RttSample } from "../transport/transport";
import type { ClockOffset } from "./api";

declare const __COMMIT__: string;
export const CLIENT = { version: "0.1.0", commit: __COMMIT__ };

/** One file. */
export interface BundleFile {
  readonly label: string;
  readonly content: Blob;
  readonly size: number;
  readonly sha256: string;
}

/** A finished session. */
export interface Bundle {
  readonly sessionId: string;
  readonly wallet: string;
  readonly files: readonly BundleFile[];
}

/** What the scenario came to. */
export interface ScenarioResult {
  readonly id: string;
  readonly name: string;
  readonly type: "staged" | "free";
  readonly result: "success" | "failure" | "timeout";
  readonly collisions: number;
}

/** Everything that a bundle is made of. */
export interface SessionFacts {
  readonly sessionId: string;
  readonly wallet: string;
  readonly proof: { readonly nonce: string; readonly signature: string };
  readonly prompt: string;
  readonly log: DriveLog;
  readonly recording: TrackRecording;
  /** The picture before painting, where it was recorded too. */
  readonly source: TrackRecording | null;
  readonly rttSamples: readonly RttSample[];
  readonly initialLatencyMs: number | null;
  readonly anchorMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly ntp: ClockOffset | null;
  readonly scenario: ScenarioResult;
}

/** Make the files. */
export async function makeBundle(facts: SessionFacts): Promise<Bundle> {
  const { log, recording } = facts;
  const files = [
    await file("video", recording.video.bytes, "video/webm"),
    await json("inputs", log.inputs),
    await json("camera", log.camera),
    await json("latency", latencyOf(facts)),
  ];
  if (facts.source !== null) files.splice(1, 0, await file("source_video", facts.source.video.bytes, "video/webm"));
  files.push(await json("meta", metaOf(facts, files)));
  return { sessionId: facts.sessionId, wallet: facts.wallet, files };
}

function latencyOf({ recording, source, rttSamples, initialLatencyMs }: SessionFacts): object {
  const sorted = [...recording.latenciesMs].sort((a, b) => a - b);
  const measured = sorted.length > 0 ? { pipelineLatency: { p50: at(sorted, 0.5), p95: at(sorted, 0.95) } } : {};
  return {
    ...summaryOf(rttSamples, initialLatencyMs),
    rttSamples,
    frames: recording.links satisfies readonly FrameLink[],
    ...(source === null ? {} : { sourceFrames: source.links }),
    ...measured,
  };
}

function summaryOf(samples: readonly RttSample[], initialLatencyMs: number | null): object {
  const avgRtt = samples.length > 0 ? samples.reduce((sum, { rtt }) => sum + rtt, 0) / samples.length : null;
  return {
    ...(initialLatencyMs === null ? {} : { initialLatency: initialLatencyMs }),
    ...(avgRtt === null ? {} : { avgRtt }),
  };
}

/** The value below which a share of sorted values lies. */
export function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function metaOf(facts: SessionFacts, files: readonly BundleFile[]): object {
  const { video } = facts.recording;
  const sha256 = files.find(({ label }) => label === "video")?.sha256 ?? "";
  return {
    schemaVersion: 2,
    sessionId: facts.sessionId,
    walletAddress: facts.wallet,
    walletProof: facts.proof,
    prompt: facts.prompt,
    duration: facts.endedMs - facts.startedMs,
    eventCount: facts.log.inputs.length + facts.log.camera.length,
    startTime: facts.startedMs,
    endTime: facts.endedMs,
    scenario: facts.scenario,
    latencySummary: summaryOf(facts.rttSamples, facts.initialLatencyMs),
    clock: {
      timeOrigin: performance.timeOrigin,
      anchor: facts.anchorMs,
      recorderStart: facts.anchorMs,
      ...(facts.ntp === null ? {} : { ntp: facts.ntp }),
    },
    video: {
      codec: video.codec,
      w: video.widthPx,
      h: video.heightPx,
      frames: video.frames,
      durationMs: video.durationMs,
      sha256,
    },
    files: Object.fromEntries(files.map(({ label, size, sha256: hash }) => [label, { size, sha256: hash }])),
    client: CLIENT,
  };
}

function json(label: string, content: unknown): Promise<BundleFile> {
  return file(label, new TextEncoder().encode(JSON.stringify(content)), "application/json");
}

async function file(label: string, bytes: Uint8Array<ArrayBuffer>, type: string): Promise<BundleFile> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { label, content: new Blob([bytes], { type }), size: bytes.length, sha256 };
}
