/**
 * A WebM of VP8 frames with our own time stamps.
 *
 * The encoder takes each frame as a copy of its pixels under another time stamp, so the file's PTS are
 * what we measured (rounded to the container's ms) and not when a capturer woke up.
 */

import { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Output, WebMOutputFormat } from "mediabunny";

const KEYFRAME_EVERY = 60;
/** About 2 Mbit/s at 1280x720. */
export const BITS_PER_PIXEL_S = 2.2;
/** Frames that may wait in the encoder before new ones are left out. */
const QUEUE = 8;

/** A finished video. */
export interface Webm {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly codec: "vp8" | "vp9";
  readonly widthPx: number;
  readonly heightPx: number;
  readonly frames: number;
  readonly durationMs: number;
}

/** Writes one video. */
export class WebmWriter {
  /** Frames that were left out because the encoder could not follow. */
  dropped = 0;
  private readonly output = new Output({ format: new WebMOutputFormat(), target: new BufferTarget() });
  private readonly source = new EncodedVideoPacketSource("vp8");
  private readonly encoder: VideoEncoder;
  private readonly started: Promise<void>;
  private written: Promise<void>;
  private frames = 0;
  private lastPtsUs = -1;
  private problem: unknown = null;

  constructor(
    private readonly widthPx: number,
    private readonly heightPx: number,
  ) {
    this.output.addVideoTrack(this.source);
    this.started = this.output.start();
    this.written = this.started;
    this.encoder = new VideoEncoder({
      output: (chunk, meta) => {
        this.written = this.written.then(() => this.source.add(EncodedPacket.fromEncodedChunk(chunk), meta));
      },
      error: (error) => {
        this.problem = error;
      },
    });
    this.encoder.configure({
      codec: "vp8",
      width: widthPx,
      height: heightPx,
      bitrate: Math.round(widthPx * heightPx * BITS_PER_PIXEL_S),
      latencyMode: "realtime",
    });
  }

  /**
   * Write a frame; it is closed in any case.
   *
   * @param ptsUs - Its time stamp; what does not lie after the last one, by the container's ms, is left out.
   * @returns The frame's number in the file, or null where it was left out.
   */
  add(frame: VideoFrame, ptsUs: number): number | null {
    const late = this.encoder.encodeQueueSize > QUEUE;
    if (late) this.dropped += 1;
    if (late || this.problem !== null || Math.round(ptsUs / 1000) <= Math.round(this.lastPtsUs / 1000)) {
      frame.close();
      return null;
    }
    const stamped = new VideoFrame(frame, { timestamp: ptsUs });
    frame.close();
    this.encoder.encode(stamped, { keyFrame: this.frames % KEYFRAME_EVERY === 0 });
    stamped.close();
    this.lastPtsUs = ptsUs;
    this.frames += 1;
    return this.frames - 1;
  }

  /**
   * Wait for everything and close the file.
   *
   * @throws The encoder's error, where it failed.
   */
  async finish(): Promise<Webm> {
    await this.encoder.flush();
    this.encoder.close();
    await this.written;
    if (this.problem !== null) throw this.problem;
    await this.output.finalize();
    const buffer = (this.output.target as BufferTarget).buffer ?? new ArrayBuffer(0);
    return {
      bytes: new Uint8Array(buffer),
      codec: "vp8",
      widthPx: this.widthPx,
      heightPx: this.heightPx,
      frames: this.frames,
      durationMs: Math.max(0, Math.round(this.lastPtsUs / 1000)),
    };
  }
}
