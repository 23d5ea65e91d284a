/**
 * Looks at a track as a video element shows it: which frame is seen when.
 *
 * Ten looks a second are enough to know the delay, and leave the time for those who draw and encode.
 */

import { blockPx } from "./stamp";
import { StripReader } from "./strip_reader";

const LOOK_EVERY_MS = 100;

/** Called for each frame that is looked at; `id` is null where no stamp can be read. */
export type OnSeen = (id: number | null, atMs: number) => void;

/** Looks from its making until `close`. */
export class LiveView {
  /** Frames that the element showed so far. */
  shown = 0;
  private readonly video = document.createElement("video");
  private readonly strips = new StripReader();
  private closed = false;
  private shownS = -1;
  private lookedMs = -Infinity;

  constructor(
    track: MediaStreamTrack,
    private readonly onSeen: OnSeen,
  ) {
    this.video.muted = true;
    this.video.srcObject = new MediaStream([track]);
    // Browsers tell when a frame is shown only of elements that are in the page.
    Object.assign(this.video.style, { position: "fixed", width: "1px", height: "1px", opacity: "0.01" });
    this.video.style.pointerEvents = "none";
    document.body.append(this.video);
    void this.video.play().catch(() => undefined);
    this.wait();
  }

  close(): void {
    this.closed = true;
    this.video.remove();
    this.video.srcObject = null;
  }

  private wait(): void {
    if (this.closed) return;
    if ("requestVideoFrameCallback" in this.video) {
      this.video.requestVideoFrameCallback((_now, { presentationTime }) => this.show(presentationTime));
    } else requestAnimationFrame((nowMs) => this.show(nowMs));
  }

  private show(atMs: number): void {
    if (this.closed) return;
    const { videoWidth, currentTime } = this.video;
    if (videoWidth > 0 && currentTime !== this.shownS) {
      this.shownS = currentTime;
      this.shown += 1;
      if (atMs - this.lookedMs >= LOOK_EVERY_MS) this.look(atMs);
    }
    this.wait();
  }

  private look(atMs: number): void {
    const { video } = this;
    this.lookedMs = atMs;
    this.onSeen(this.strips.readPicture(video, blockPx(video.videoWidth, video.videoHeight)), atMs);
  }
}
