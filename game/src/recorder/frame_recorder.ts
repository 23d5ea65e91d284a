/**
 * Records a track frame by frame: reads each frame's stamp, gives it its time, and keeps the sidecar.
 *
 * Every decoded frame passes here (a MediaStreamTrackProcessor skips none, unlike a video element's
 * callbacks). The PTS is the time at which the frame was received, or, where the picture never left the
 * page, the time of the tick that drew it.
 */

import { StripReader } from "./strip_reader";
import type { FrameLink, TrackRecorder, TrackRecorderOptions, TrackRecording } from "./track_recorder";
import { WebmWriter } from "./webm";

/** Frames of a track, in order, as the browser decodes them. */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}
declare const MediaStreamTrackProcessor: {
  new (options: { track: MediaStreamTrack; maxBufferSize?: number }): TrackProcessor;
};
declare global {
  interface VideoFrame {
    /** Newer than TypeScript's library; frames of a remote track carry their RTP time stamp. */
    metadata?(): { readonly rtpTimestamp?: number };
  }
}

/** Whether this browser hands out every frame and encodes with our time stamps. */
export function canTakeFrames(): boolean {
  return "MediaStreamTrackProcessor" in globalThis && "VideoEncoder" in globalThis;
}

/** Records until it is stopped. */
export class FrameRecorder implements TrackRecorder {
  /** Latency of the last frame with a stamp; null before there was one. */
  lastLatencyMs: number | null = null;
  /** Frames in the file so far. */
  frames = 0;
  private readonly reader: ReadableStreamDefaultReader<VideoFrame>;
  private readonly strips = new StripReader();
  private writer: WebmWriter | null = null;
  private readonly links: FrameLink[] = [];
  private readonly latenciesMs: number[] = [];
  private unreadable = 0;
  private dropped = 0;
  private lastLocalId = -1;
  private readonly loop: Promise<void>;
  private stopping = false;

  constructor(private readonly options: TrackRecorderOptions) {
    const processor = new MediaStreamTrackProcessor({ track: options.track, maxBufferSize: 30 });
    this.reader = processor.readable.getReader();
    this.loop = this.run();
  }

  /** Stop, wait for the encoder, and close the file; null where no frame ever came. */
  async stop(): Promise<TrackRecording | null> {
    this.stopping = true;
    await this.reader.cancel();
    await this.loop;
    if (this.writer === null) return null;
    const video = await this.writer.finish();
    const { links, latenciesMs, unreadable } = this;
    return { video, links, latenciesMs, unreadable, dropped: this.dropped + this.writer.dropped };
  }

  private async run(): Promise<void> {
    for (;;) {
      const { value: frame, done } = await this.reader.read();
      if (done || frame === undefined) return;
      const receivedMs = performance.now();
      if (this.stopping) frame.close();
      else await this.take(frame, receivedMs);
    }
  }

  private async take(frame: VideoFrame, receivedMs: number): Promise<void> {
    const { log, local } = this.options;
    const rtp = frame.metadata?.().rtpTimestamp ?? null;
    const id = await this.strips.read(frame);
    const drawnMs = id === null ? null : log.drawnMs(id);
    // Drawn before this session began, and back only now: none of ours.
    if (id !== null && drawnMs === null && id < log.firstFrame) {
      frame.close();
      return;
    }
    // A local picture without its tick is none of ours, either; a repeated one says nothing new.
    if (local && (id === null || drawnMs === null || id <= this.lastLocalId)) {
      frame.close();
      return;
    }
    if (local && id !== null) this.lastLocalId = id;
    this.write(frame, local && drawnMs !== null ? drawnMs : receivedMs, id, drawnMs, receivedMs, rtp);
  }

  private write(
    frame: VideoFrame,
    atMs: number,
    id: number | null,
    drawnMs: number | null,
    receivedMs: number,
    rtp: number | null,
  ): void {
    const ptsUs = Math.round((atMs - this.options.startMs) * 1000);
    if (ptsUs < 0) {
      frame.close();
      return;
    }
    this.writer ??= new WebmWriter(frame.displayWidth, frame.displayHeight);
    const n = this.writer.add(frame, ptsUs);
    if (n === null) return;
    this.frames = n + 1;
    const known = drawnMs === null ? null : id;
    this.links.push([n, ptsUs, known, rtp === null ? null : rtp >>> 0]);
    if (known === null || drawnMs === null) {
      this.unreadable += 1;
      return;
    }
    this.lastLatencyMs = receivedMs - drawnMs;
    this.latenciesMs.push(this.lastLatencyMs);
  }
}
