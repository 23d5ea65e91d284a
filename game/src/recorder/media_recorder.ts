/**
 * The fallback where frames cannot be had one by one (Firefox, Safari): the browser's own recorder.
 *
 * The stamp stays in the picture, so identity is exact; the sidecar's links are left to the reader of the
 * stamps, and PTS are the browser's (about 1 ms of jitter).
 */

/** Records a track with MediaRecorder. */
export class FallbackRecorder {
  private readonly chunks: Blob[] = [];
  private readonly recorder: MediaRecorder;
  private readonly stopped: Promise<void>;

  constructor(track: MediaStreamTrack) {
    this.recorder = new MediaRecorder(new MediaStream([track]), {
      mimeType: "video/webm;codecs=vp8",
      videoBitsPerSecond: 2_500_000,
    });
    this.recorder.addEventListener("dataavailable", ({ data }) => this.chunks.push(data));
    this.stopped = new Promise((resolve) => {
      this.recorder.addEventListener("stop", () => resolve());
    });
    this.recorder.start(1_000);
  }

  /** Stop and wait for the last chunk. */
  async stop(): Promise<Uint8Array<ArrayBuffer>> {
    this.recorder.stop();
    await this.stopped;
    return new Uint8Array(await new Blob(this.chunks).arrayBuffer());
  }
}
