/** How this page plays, from its address: `?transport=service&painter=wss://...&seconds=60&size=1280x720`. */

import { type DiffusionTransport, TransportError, type TransportName } from "../transport/transport";
import { PassthroughTransport } from "../transport/passthrough";
import { WebRtcTransport } from "../transport/webrtc";

export interface GameConfig {
  readonly transport: TransportName;
  /** WebSocket of the painter; none for passthrough. */
  readonly painter: string | null;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly seconds: number;
  readonly scenarioId: string;
  readonly seed: number;
  readonly prompt: string;
  /** Also record the picture before painting. */
  readonly recordSource: boolean;
  /** No animations. */
  readonly fast: boolean;
}

export const PROMPT = "new york city realistic buildings, streets, and urban texture";
const MAX_SECONDS = 60;
const STUN = [{ urls: "stun:stun.l.google.com:19302" }];

/**
 * Read the address.
 *
 * @throws TransportError - A painter is needed and not named.
 */
export function configOf(search: string): GameConfig {
  const query = new URLSearchParams(search);
  const transport = transportName(query.get("transport"));
  const painter = query.get("painter");
  if (transport !== "passthrough" && painter === null) {
    throw new TransportError(`transport ${transport} needs a painter: add &painter=wss://... to the address`);
  }
  const [, width = "1280", height = "720"] = /^(\d+)x(\d+)$/.exec(query.get("size") ?? "") ?? [];
  return {
    transport,
    painter,
    widthPx: even(Number(width), 256, 1_920),
    heightPx: even(Number(height), 144, 1_280),
    seconds: Math.min(MAX_SECONDS, Number(query.get("seconds") ?? MAX_SECONDS) || MAX_SECONDS),
    scenarioId: query.get("scenario") ?? "oncoming-traffic",
    seed: Number(query.get("seed") ?? Date.now() % 1_000_000),
    prompt: query.get("prompt") ?? PROMPT,
    recordSource: query.has("source"),
    fast: query.has("fast"),
  };
}

/**
 * A new connection, not yet open.
 *
 * @param token - Who plays, for a painter of ours; others are not told.
 */
export function newTransport({ transport, painter }: GameConfig, token: string | null): DiffusionTransport {
  if (transport === "passthrough" || painter === null) return new PassthroughTransport();
  const loopback = /^wss?:\/\/(127\.0\.0\.1|localhost)[:/]/.test(painter);
  return new WebRtcTransport({
    name: transport,
    url: painter,
    token: transport === "service" ? token : null,
    iceServers: loopback ? [] : STUN,
  });
}

function transportName(text: string | null): TransportName {
  if (text === null || text === "passthrough") return "passthrough";
  if (text === "service" || text === "decart") return text;
  throw new TransportError(`there is no transport ${text}; known are passthrough, service, decart`);
}

/** The stamp's blocks are pairs of pixels at least, and chroma has half the resolution. */
function even(px: number, lowest: number, highest: number): number {
  return 2 * Math.round(Math.min(highest, Math.max(lowest, px)) / 2);
}
