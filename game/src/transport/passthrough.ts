/** No painter: the game's own picture comes back at once. Needs no server and no GPU. */

import type { DiffusionTransport, RttSample } from "./transport";

/** The local painter that changes nothing. */
export class PassthroughTransport implements DiffusionTransport {
  readonly name = "passthrough";
  readonly local = true;
  readonly rttSamples: readonly RttSample[] = [];
  readonly initialLatencyMs = 0;
  onLost: (why: string) => void = () => undefined;

  open(source: MediaStreamTrack): Promise<MediaStreamTrack> {
    return Promise.resolve(source.clone());
  }

  setPrompt(): void {
    // Nothing is painted, so nothing is painted otherwise.
  }

  close(): void {
    // There is no connection.
  }
}
