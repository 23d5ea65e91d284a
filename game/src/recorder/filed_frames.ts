/**
 * A MediaRecorder's file: its packets, the ids in its pictures, and writing it anew with other times.
 *
 * Such a file has no duration and no index. Ids are read by decoding every frame; a browser without
 * decoder objects lets its video element seek to each frame instead, which takes some 20 ms a frame.
 */

import {
  BlobSource,
  BufferTarget,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  type InputVideoTrack,
  Output,
  WEBM,
  WebMOutputFormat,
} from "mediabunny";

import { blockPx } from "./stamp";
import { StripReader } from "./strip_reader";
import type { Webm } from "./webm";

/** Frames that may wait in the decoder. */
const QUEUE = 8;
/** Between frames of the copy in which a video element seeks. */
const SEEK_STEP_US = 40_000;
/** The first frame is shown already, and nobody tells. */
const SHOWN_MS = 500;

/** A recorder's file that cannot be used. */
export class RecordingError extends Error {}

/** A file's video packets. */
export class FiledVideo {
  private constructor(
    private readonly track: InputVideoTrack,
    readonly packets: readonly EncodedPacket[],
  ) {}

  /**
   * Read a WebM.
   *
   * @returns The video; null where the file holds no frame.
   */
  static async open(file: Blob): Promise<FiledVideo | null> {
    if (file.size === 0) return null;
    const track = await new Input({ source: new BlobSource(file), formats: [WEBM] }).getPrimaryVideoTrack();
    if (track === null) return null;
    const packets: EncodedPacket[] = [];
    for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
    return packets.length === 0 ? null : new FiledVideo(track, packets);
  }

  /** The id in every packet's picture, in order. */
  async ids(): Promise<(number | null)[]> {
    return "VideoDecoder" in globalThis ? this.decodedIds() : this.soughtIds();
  }

  /** The file anew: the first packets under these times, with duration and index. */
  async under(ptsUs: readonly number[]): Promise<Webm> {
    const { track, packets } = this;
    const codec = track.codec;
    if (codec !== "vp8" && codec !== "vp9") {
      throw new RecordingError(`this browser recorded ${codec ?? "an unknown codec"}; VP8 or VP9 is needed`);
    }
    const config = await track.getDecoderConfig();
    const output = new Output({ format: new WebMOutputFormat(), target: new BufferTarget() });
    const source = new EncodedVideoPacketSource(codec);
    output.addVideoTrack(source);
    await output.start();
    for (const [n, atUs] of ptsUs.entries()) {
      const packet = packets[n]?.clone({ timestamp: atUs / 1e6, duration: ((ptsUs[n + 1] ?? atUs) - atUs) / 1e6 });
      if (packet !== undefined) await source.add(packet, config === null ? {} : { decoderConfig: config });
    }
    await output.finalize();
    return {
      bytes: new Uint8Array(output.target.buffer ?? new ArrayBuffer(0)),
      codec,
      widthPx: track.codedWidth,
      heightPx: track.codedHeight,
      frames: ptsUs.length,
      durationMs: Math.round((ptsUs.at(-1) ?? 0) / 1_000),
    };
  }

  /** Packets are numbered for the decoder: in the file several may have the same time. */
  private async decodedIds(): Promise<(number | null)[]> {
    const config = await this.track.getDecoderConfig();
    if (config === null) throw new RecordingError("the recorded video cannot be decoded in this browser");
    const ids = this.packets.map((): number | null => null);
    const strips = new StripReader();
    let reading = Promise.resolve();
    let problem: DOMException | null = null;
    const read = async (frame: VideoFrame): Promise<void> => {
      ids[frame.timestamp] = await strips.read(frame);
      frame.close();
    };
    const decoder = new VideoDecoder({
      output: (frame) => {
        reading = reading.then(() => read(frame));
      },
      error: (error) => {
        problem = error;
      },
    });
    decoder.configure(config);
    for (const [n, { type, data }] of this.packets.entries()) {
      decoder.decode(new EncodedVideoChunk({ type, data, timestamp: n }));
      if (decoder.decodeQueueSize > QUEUE) await happens(decoder, "dequeue");
      await reading;
    }
    await decoder.flush();
    await reading;
    if (problem !== null) throw problem;
    decoder.close();
    return ids;
  }

  private async soughtIds(): Promise<(number | null)[]> {
    const { bytes } = await this.under(this.packets.map((_, n) => n * SEEK_STEP_US));
    const strips = new StripReader();
    const address = URL.createObjectURL(new Blob([bytes], { type: "video/webm" }));
    const video = document.createElement("video");
    video.muted = true;
    video.preload = "auto";
    video.src = address;
    try {
      await happens(video, "loadeddata");
      const block = blockPx(video.videoWidth, video.videoHeight);
      const ids: (number | null)[] = [];
      for (const n of this.packets.keys()) {
        await seek(video, n);
        ids.push(strips.readPicture(video, block));
      }
      return ids;
    } finally {
      URL.revokeObjectURL(address);
      video.removeAttribute("src");
    }
  }
}

/** Show a frame, and wait until it is shown: `seeked` may come while the frame before still is. */
async function seek(video: HTMLVideoElement, n: number): Promise<void> {
  // Amid the frame's time on the screen: its first instant may round to the frame before.
  const shown = "requestVideoFrameCallback" in video ? frameShown(video, n) : Promise.resolve();
  video.currentTime = ((n + 0.5) * SEEK_STEP_US) / 1e6;
  await happens(video, "seeked");
  await Promise.race([shown, new Promise((resolve) => setTimeout(resolve, SHOWN_MS))]);
}

function frameShown(video: HTMLVideoElement, n: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (_now: number, { mediaTime }: VideoFrameCallbackMetadata): void => {
      if (Math.round((mediaTime * 1e6) / SEEK_STEP_US) === n) resolve();
      else video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  });
}

async function happens(target: HTMLVideoElement | VideoDecoder, event: "loadeddata" | "seeked" | "dequeue"): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  try {
    await new Promise<void>((resolve, reject) => {
      target.addEventListener(event, () => resolve(), { signal });
      target.addEventListener("error", () => reject(new RecordingError("the recorded video is damaged")), { signal });
    });
  } finally {
    done.abort();
  }
}
