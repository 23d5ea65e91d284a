/**
 * Recording a track so that every frame's id is known: two ways, one result.
 *
 *     FrameRecorder   takes each decoded frame, stamps its time, encodes it   (Chrome, Edge)
 *     MediaFallback   a MediaRecorder's file, whose ids are read afterwards   (other browsers)
 */

import type { DriveLog } from "./drive_log";
import { canTakeFrames, FrameRecorder } from "./frame_recorder";
import { fallbackMimeType, MediaFallback } from "./media_fallback";
import type { Webm } from "./webm";

/** A row of the sidecar: `[n, pts_us, src_frame, rtp]`. */
export type FrameLink = readonly [n: number, ptsUs: number, srcFrame: number | null, rtp: number | null];

export interface TrackRecorderOptions {
  readonly track: MediaStreamTrack;
  readonly log: DriveLog;
  /** `performance.now()` at PTS 0. */
  readonly startMs: number;
  /** The picture comes straight from our canvas: its time is its tick's. */
  readonly local: boolean;
}

/** What was recorded. */
export interface TrackRecording {
  readonly video: Webm;
  readonly links: readonly FrameLink[];
  /** From a tick's picture to the painted one, per frame with a readable stamp. */
  readonly latenciesMs: readonly number[];
  readonly dropped: number;
  /** Frames whose stamp nobody could read. */
  readonly unreadable: number;
}

/** A recording under way. */
export interface TrackRecorder {
  /** Latency of the last frame with a stamp; null before there was one. */
  readonly lastLatencyMs: number | null;
  /** Frames so far. */
  readonly frames: number;
  /** Stop, and close the file; null where no frame ever came. */
  stop(): Promise<TrackRecording | null>;
}

/** How this browser records; null where it cannot. */
export function recordingWay(): "frames" | "file" | null {
  if (canTakeFrames()) return "frames";
  return fallbackMimeType() === null ? null : "file";
}

/** Record from now on. */
export function recordTrack(options: TrackRecorderOptions): TrackRecorder {
  return recordingWay() === "frames" ? new FrameRecorder(options) : new MediaFallback(options);
}
