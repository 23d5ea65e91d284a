/**
 * The picture that leaves the page: the game's canvas with the frame id stamped on it, as a video track.
 *
 * The track takes a picture when it is told to and at no other time, so every picture in it is one tick.
 */

import { drawStamp } from "../recorder/stamp";

/** Firefox asks the stream for a frame, others the track. */
interface FrameRequester {
  requestFrame(): void;
}

/** A stamped copy of a canvas. */
export class CameraFeed {
  readonly track: CanvasCaptureMediaStreamTrack;
  private readonly stream: MediaStream & Partial<FrameRequester>;
  private readonly canvas = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;

  constructor(private readonly source: HTMLCanvasElement) {
    this.canvas.width = source.width;
    this.canvas.height = source.height;
    const context = this.canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("this browser draws no 2D canvas; use a current Chrome, Edge or Firefox");
    this.context = context;
    this.stream = this.canvas.captureStream(0);
    const [track] = this.stream.getVideoTracks();
    this.track = track as CanvasCaptureMediaStreamTrack;
    this.track.contentHint = "detail";
  }

  /** Send the source's picture as a frame; call it in the animation frame that drew the picture. */
  send(frameId: number): void {
    this.context.drawImage(this.source, 0, 0);
    drawStamp(this.context, frameId);
    if ("requestFrame" in this.track) this.track.requestFrame();
    else this.stream.requestFrame?.();
  }
}
