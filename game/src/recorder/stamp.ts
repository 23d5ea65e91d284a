/**
 * The pixel stamp: a frame id that survives video coding twice.
 *
 * 32 blocks, black or white, along the top edge: 24 bits of id, 8 bits of CRC-32, most significant bit
 * first. The same rule as Python's `world/recorder/stamp.py` and `scalediff_contract/stamp.py`.
 */

export const BLOCKS = 32;
export const MAX_FRAME_ID = (1 << 24) - 1;
const BLOCK_PX = 16;
const SMALL_BLOCK_PX = 8;
const SMALL_HEIGHT_PX = 360;
const WHITE = "rgb(255,255,255)";
const BLACK = "rgb(0,0,0)";
const THRESHOLD = 128;

/** Side of a block, and so the strip's height, in a picture of this size. */
export function blockPx(widthPx: number, heightPx: number): number {
  return Math.min(heightPx < SMALL_HEIGHT_PX ? SMALL_BLOCK_PX : BLOCK_PX, Math.floor(widthPx / BLOCKS));
}

/** The low 8 bits of the CRC-32 of an id's three bytes. */
export function checksum(frameId: number): number {
  let crc = 0xffffffff;
  for (const byte of [(frameId >> 16) & 0xff, (frameId >> 8) & 0xff, frameId & 0xff]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc & 0xff;
}

/** The 32 bits of an id's stamp. */
export function stampBits(frameId: number): readonly boolean[] {
  if (!Number.isInteger(frameId) || frameId < 0 || frameId > MAX_FRAME_ID) {
    throw new RangeError(`frame id ${frameId} does not fit 24 bits (0 to ${MAX_FRAME_ID})`);
  }
  const id = Array.from({ length: 24 }, (_, k) => ((frameId >> (23 - k)) & 1) === 1);
  const sum = checksum(frameId);
  return [...id, ...Array.from({ length: 8 }, (_, k) => ((sum >> (7 - k)) & 1) === 1)];
}

type Context2d = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Draw a stamp over the top edge of a picture. */
export function drawStamp(context: Context2d, frameId: number): void {
  const block = blockPx(context.canvas.width, context.canvas.height);
  context.fillStyle = BLACK;
  context.fillRect(0, 0, BLOCKS * block, block);
  context.fillStyle = WHITE;
  stampBits(frameId).forEach((bit, k) => {
    if (bit) context.fillRect(k * block, 0, block, block);
  });
}

/**
 * Read the id of a strip of luma.
 *
 * @param luma - Brightness of the strip's rows, `block` rows of `32 * block` pixels.
 * @param block - Side of a block.
 * @returns The id, or null where the checksum does not fit: no stamp, or a damaged one.
 */
export function readStrip(luma: ArrayLike<number>, block: number): number | null {
  const width = BLOCKS * block;
  const margin = Math.floor(block / 4);
  let id = 0;
  let sum = 0;
  for (let k = 0; k < BLOCKS; k++) {
    let total = 0;
    let count = 0;
    for (let y = margin; y < block - margin; y++) {
      for (let x = k * block + margin; x < (k + 1) * block - margin; x++) {
        total += luma[y * width + x] ?? 0;
        count += 1;
      }
    }
    const bit = total >= THRESHOLD * count ? 1 : 0;
    if (k < 24) id = (id << 1) | bit;
    else sum = (sum << 1) | bit;
  }
  return sum === checksum(id) ? id : null;
}
