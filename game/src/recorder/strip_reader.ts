/** Reads the stamp of decoded video frames: a copy of the luma strip alone, whatever the pixel format. */

import { BLOCKS, blockPx, readStrip } from "./stamp";

const PLANAR = new Set<string>(["I420", "I420A", "I422", "I444", "NV12"]);
const PACKED = new Set<string>(["RGBA", "RGBX", "BGRA", "BGRX"]);

/** Keeps its buffers between frames. */
export class StripReader {
  private buffer = new Uint8Array(0);
  private readonly canvas = new OffscreenCanvas(1, 1);

  /** The frame's id, or null where it cannot be read; the frame stays open. */
  async read(frame: VideoFrame): Promise<number | null> {
    const { width, height } = frame.visibleRect ?? { width: frame.codedWidth, height: frame.codedHeight };
    const block = blockPx(width, height);
    const format = frame.format ?? "";
    if (PLANAR.has(format)) return this.readPlanar(frame, block);
    if (PACKED.has(format)) return this.readPacked(frame, block);
    return this.readPicture(frame, block);
  }

  private async copy(frame: VideoFrame, block: number): Promise<PlaneLayout> {
    const rect = { x: frame.visibleRect?.x ?? 0, y: frame.visibleRect?.y ?? 0, width: BLOCKS * block, height: block };
    const size = frame.allocationSize({ rect });
    if (this.buffer.length < size) this.buffer = new Uint8Array(size);
    const [plane] = await frame.copyTo(this.buffer, { rect });
    return plane ?? { offset: 0, stride: rect.width };
  }

  private async readPlanar(frame: VideoFrame, block: number): Promise<number | null> {
    const { offset, stride } = await this.copy(frame, block);
    const luma = new Uint8Array(BLOCKS * block * block);
    for (let y = 0; y < block; y++) {
      const row = offset + y * stride;
      luma.set(this.buffer.subarray(row, row + BLOCKS * block), y * BLOCKS * block);
    }
    return readStrip(luma, block);
  }

  private async readPacked(frame: VideoFrame, block: number): Promise<number | null> {
    const { offset, stride } = await this.copy(frame, block);
    return readStrip(greens(this.buffer, offset, stride, block), block);
  }

  /** The id in anything that can be drawn: video elements, and frames that live on the GPU. */
  readPicture(picture: CanvasImageSource, block: number): number | null {
    const [width, height] = [BLOCKS * block, block];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (context === null) return null;
    context.drawImage(picture, 0, 0, width, height, 0, 0, width, height);
    return readStrip(greens(context.getImageData(0, 0, width, height).data, 0, 4 * width, block), block);
  }
}

/** Green stands for luma: the stamp has no colour. */
function greens(pixels: ArrayLike<number>, offset: number, stride: number, block: number): Uint8Array {
  const width = BLOCKS * block;
  const luma = new Uint8Array(width * block);
  for (let y = 0; y < block; y++) {
    for (let x = 0; x < width; x++) luma[y * width + x] = pixels[offset + y * stride + 4 * x + 1] ?? 0;
  }
  return luma;
}
