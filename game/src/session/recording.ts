/** One session from its first tick to its bundle. */

import { DriveLog } from "../recorder/drive_log";
import { recordTrack, type TrackRecorder, type TrackRecording } from "../recorder/track_recorder";
import type { Outcome } from "../scenario/engine";
import type { DiffusionTransport } from "../transport/transport";
import type { ClockOffset, UploadApi } from "../upload/api";
import { type Bundle, makeBundle, type ScenarioResult } from "../upload/bundle";
import { refusals } from "../upload/worth";
import { HiddenWatch } from "./hidden";
import type { Player } from "./sign_in";

const RESULTS: Record<Outcome, ScenarioResult["result"]> = {
  won: "success",
  lost: "failure",
  timeout: "timeout",
};

/** What came of a session. */
export interface Finished {
  readonly bundle: Bundle | null;
  readonly refusals: readonly string[];
  readonly frames: number;
  readonly seconds: number;
  readonly latencyP50Ms: number | null;
  /** `exact` where the stamps came back. */
  readonly grade: "exact" | "estimated";
}

export interface RecordingOptions {
  readonly api: UploadApi;
  readonly player: Player;
  readonly transport: DiffusionTransport;
  readonly painted: MediaStreamTrack;
  /** The stamped source, where both streams are recorded. */
  readonly source: MediaStreamTrack | null;
  readonly prompt: string;
}

/** Records from its making until `finish`. */
export class Recording {
  readonly log = new DriveLog();
  readonly anchorMs = performance.now();
  private readonly startedMs = Math.round(Date.now());
  private readonly hidden = new HiddenWatch(document);
  private readonly rttFrom: number;
  private readonly recorder: TrackRecorder;
  private readonly before: TrackRecorder | null;
  private readonly sessionId: Promise<string>;
  private readonly ntp: Promise<ClockOffset | null>;

  constructor(private readonly options: RecordingOptions) {
    const { painted, source, transport, api } = options;
    const common = { log: this.log, startMs: this.anchorMs };
    this.recorder = recordTrack({ track: painted, local: transport.local, ...common });
    this.before = source === null ? null : recordTrack({ track: source, local: true, ...common });
    this.rttFrom = Math.max(0, transport.rttSamples.length - 1);
    this.sessionId = api.issueSession().then(({ sessionId }) => sessionId);
    // Whoever waits for it is told; until then a refusal is nobody's unhandled rejection.
    this.sessionId.catch(() => undefined);
    this.ntp = api.measureClock().catch(() => null);
  }

  get seconds(): number {
    return (performance.now() - this.anchorMs) / 1_000;
  }

  get frames(): number {
    return this.recorder.frames;
  }

  get lastLatencyMs(): number | null {
    return this.recorder.lastLatencyMs;
  }

  /**
   * Stop and make the bundle, if it is worth uploading.
   *
   * @throws ApiError - The server issued no session.
   */
  async finish(scenario: { id: string; name: string; outcome: Outcome | null; collisions: number }): Promise<Finished> {
    const seconds = this.seconds;
    const endedMs = this.startedMs + Math.round(seconds * 1_000);
    const hiddenMs = this.hidden.stop();
    const recording = await this.recorder.stop();
    const source = (await this.before?.stop()) ?? null;
    const reasons = refusals({
      seconds,
      frames: recording?.video.frames ?? 0,
      drivingPresses: this.log.drivingPresses,
      hiddenMs,
      dropped: recording?.dropped ?? 0,
    });
    const facts = { seconds, frames: recording?.video.frames ?? 0, ...qualityOf(recording) };
    if (recording === null || reasons.length > 0) return { bundle: null, refusals: reasons, ...facts };
    const { player, transport, prompt } = this.options;
    const bundle = await makeBundle({
      sessionId: await this.sessionId,
      wallet: player.wallet,
      proof: player.proof,
      prompt,
      log: this.log,
      recording,
      source,
      rttSamples: transport.rttSamples.slice(this.rttFrom),
      initialLatencyMs: transport.initialLatencyMs,
      anchorMs: this.anchorMs,
      startedMs: this.startedMs,
      endedMs,
      ntp: await this.ntp,
      scenario: {
        id: scenario.id,
        name: scenario.name,
        type: "staged",
        result: scenario.outcome === null ? "timeout" : RESULTS[scenario.outcome],
        collisions: scenario.collisions,
      },
    });
    return { bundle, refusals: [], ...facts };
  }
}

function qualityOf(recording: TrackRecording | null): Pick<Finished, "latencyP50Ms" | "grade"> {
  const sorted = [...(recording?.latenciesMs ?? [])].sort((a, b) => a - b);
  const latencyP50Ms = sorted[sorted.length >> 1] ?? null;
  return { latencyP50Ms, grade: latencyP50Ms === null ? "estimated" : "exact" };
}
