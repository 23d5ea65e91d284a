/**
 * Recording where the browser hands out no frames: a MediaRecorder writes the file, ids are read from it.
 *
 * Identity is as exact as the other way, because it comes from the stamp in each recorded picture. The
 * recorder starts with the session's first picture, so that all that it records is the session's.
 */

import { FiledVideo } from "./filed_frames";
import { LiveView } from "./live_view";
import { placeFrames } from "./placing";
import type { TrackRecorder, TrackRecorderOptions, TrackRecording } from "./track_recorder";
import { BITS_PER_PIXEL_S } from "./webm";

const MIME_TYPES = ["video/webm;codecs=vp8", "video/webm;codecs=vp9", "video/webm"];
const CHUNK_MS = 1_000;

/** What this browser's MediaRecorder can write and the platform reads; null where nothing. */
export function fallbackMimeType(): string | null {
  if (!("MediaRecorder" in globalThis)) return null;
  return MIME_TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

/** Records until it is stopped. */
export class MediaFallback implements TrackRecorder {
  lastLatencyMs: number | null = null;
  private readonly view: LiveView;
  private readonly seenMs = new Map<number, number>();
  private readonly chunks: Blob[] = [];
  private recorder: MediaRecorder | null = null;
  private beganMs = 0;
  private shownBefore = 0;

  constructor(private readonly options: TrackRecorderOptions) {
    this.view = new LiveView(options.track, (id, atMs) => this.see(id, atMs));
  }

  /** Frames that were shown; the file may hold more. */
  get frames(): number {
    return this.recorder === null ? 0 : this.view.shown - this.shownBefore;
  }

  async stop(): Promise<TrackRecording | null> {
    this.view.close();
    if (this.recorder === null) return null;
    await stopped(this.recorder);
    this.options.track.stop();
    const filed = await FiledVideo.open(new Blob(this.chunks, { type: "video/webm" }));
    if (filed === null) return null;
    const { log, startMs, local } = this.options;
    const { beganMs, seenMs } = this;
    const ids = await filed.ids();
    const frames = filed.packets.map(({ timestamp }, n) => ({ fileMs: timestamp * 1_000, id: ids[n] ?? null }));
    const { links, latenciesMs } = placeFrames(frames, { log, startMs, local, beganMs, seenMs });
    const video = await filed.under(links.map(([, ptsUs]) => ptsUs));
    const unreadable = links.filter(([, , id]) => id === null).length;
    return { video, links, latenciesMs, unreadable, dropped: 0 };
  }

  private see(id: number | null, atMs: number): void {
    const { log } = this.options;
    const drawnMs = id === null ? null : log.drawnMs(id);
    // Drawn before this session began, and back only now: none of ours.
    if (id !== null && drawnMs === null && id < log.firstFrame) return;
    if (this.recorder === null) this.begin();
    if (id === null || drawnMs === null) return;
    if (!this.seenMs.has(id)) this.seenMs.set(id, atMs);
    this.lastLatencyMs = Math.max(0, atMs - drawnMs);
  }

  private begin(): void {
    const { track } = this.options;
    const { width = 1_280, height = 720 } = track.getSettings();
    this.recorder = new MediaRecorder(new MediaStream([track]), {
      mimeType: fallbackMimeType() ?? "",
      videoBitsPerSecond: Math.round(width * height * BITS_PER_PIXEL_S),
    });
    this.recorder.addEventListener("dataavailable", ({ data }) => this.chunks.push(data));
    this.shownBefore = this.view.shown - 1;
    this.beganMs = performance.now();
    this.recorder.start(CHUNK_MS);
  }
}

/** The last chunk comes before `stop`. */
function stopped(recorder: MediaRecorder): Promise<void> {
  if (recorder.state === "inactive") return Promise.resolve();
  return new Promise((resolve) => {
    recorder.addEventListener("stop", () => resolve(), { once: true });
    recorder.stop();
  });
}
