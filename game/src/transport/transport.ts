/**
 * Where the picture goes to be painted, and where it comes back from.
 *
 *     TransportError   the painter cannot be reached, refuses, or takes too long; says what to do
 */

/** A painter that cannot be used. */
export class TransportError extends Error {}

export type TransportName = "passthrough" | "service" | "decart";

/** One round trip of the connection, as its statistics give it. */
export interface RttSample {
  readonly t: number;
  readonly rtt: number;
}

/** A connection to a painter. */
export interface DiffusionTransport {
  readonly name: TransportName;
  /** The painted picture is drawn in this page: its time is its tick's. */
  readonly local: boolean;
  /**
   * Connect.
   *
   * @param source - The track of stamped pictures.
   * @param prompt - How to paint.
   * @returns The track of painted pictures.
   * @throws TransportError
   */
  open(source: MediaStreamTrack, prompt: string): Promise<MediaStreamTrack>;
  /** Paint otherwise from now on. */
  setPrompt(prompt: string): void;
  /** Round trips so far. */
  readonly rttSamples: readonly RttSample[];
  /** From the connection to the first picture; null before it. */
  readonly initialLatencyMs: number | null;
  /** Called once when the connection is lost. */
  onLost: (why: string) => void;
  close(): void;
}
