/** Looks at a track as a video element shows it: which frame is seen when. It may miss some. */

import { blockPx } from "./stamp";
import { StripReader } from "./strip_reader";

/** Called for each frame that is seen; `id` is null where no stamp can be read. */
export type OnSeen = (id: number | null, atMs: number) => void;

/** Looks from its making until `close`. */
export class LiveView {
  private readonly video = document.createElement("video");
  private readonly strips = new StripReader();
  private closed = false;
  private shownS = -1;

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
      this.video.requestVideoFrameCallback((_now, { presentationTime }) => this.look(presentationTime));
    } else requestAnimationFrame((nowMs) => this.look(nowMs));
  }

  private look(atMs: number): void {
    if (this.closed) return;
    const { videoWidth, videoHeight, currentTime } = this.video;
    if (videoWidth > 0 && currentTime !== this.shownS) {
      this.shownS = currentTime;
      this.onSeen(this.strips.readPicture(this.video, blockPx(videoWidth, videoHeight)), atMs);
    }
    this.wait();
  }
}
