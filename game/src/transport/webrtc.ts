/**
 * A painter behind WebRTC, in the protocol that Decart's service and ours share: offer, answer, trickled
 * candidates and prompts as JSON over a WebSocket (facts: streaming, section 6).
 *
 * Candidates may come before the answer; they wait. The socket stays open: closing it ends the session.
 */

import { type DiffusionTransport, type RttSample, TransportError, type TransportName } from "./transport";

const CONNECT_MS = 15_000;
const RTT_EVERY_MS = 2_000;

type Message =
  | { readonly type: "answer"; readonly sdp: string }
  | { readonly type: "ice-candidate"; readonly candidate: RTCIceCandidateInit | null }
  | { readonly type: "error"; readonly message: string }
  | { readonly type: string };

export interface WebRtcOptions {
  readonly name: TransportName;
  /** `ws://` or `wss://`. */
  readonly url: string;
  /** Goes with the address to the painter, and into no message. */
  readonly token?: string | null;
  readonly iceServers?: readonly RTCIceServer[];
}

/** A peer connection with its signalling. */
export class WebRtcTransport implements DiffusionTransport {
  readonly name: TransportName;
  readonly local = false;
  readonly rttSamples: RttSample[] = [];
  initialLatencyMs: number | null = null;
  onLost: (why: string) => void = () => undefined;
  private readonly peer: RTCPeerConnection;
  private socket: WebSocket | null = null;
  private readonly early: RTCIceCandidateInit[] = [];
  private rttTimer: ReturnType<typeof setInterval> | undefined;
  private connectedMs: number | null = null;
  private closed = false;

  constructor(private readonly options: WebRtcOptions) {
    this.name = options.name;
    this.peer = new RTCPeerConnection({ iceServers: [...(options.iceServers ?? [])] });
  }

  async open(source: MediaStreamTrack, prompt: string): Promise<MediaStreamTrack> {
    const socket = await this.connect();
    const painted = this.painted();
    this.peer.addTrack(source, new MediaStream([source]));
    preferVp8(this.peer);
    this.peer.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate !== null) this.send({ type: "ice-candidate", candidate: candidate.toJSON() });
    });
    await this.peer.setLocalDescription(await this.peer.createOffer());
    const answered = this.answer(socket, prompt);
    this.send({ type: "offer", sdp: this.peer.localDescription?.sdp ?? "" });
    const track = await within(CONNECT_MS, Promise.all([painted, answered]), `${this.url} sent no picture`);
    this.rttTimer = setInterval(() => void this.sampleRtt(), RTT_EVERY_MS);
    void this.sampleRtt();
    return track[0];
  }

  setPrompt(prompt: string): void {
    this.send({ type: "prompt", prompt, enhance_prompt: true });
  }

  close(): void {
    this.closed = true;
    clearInterval(this.rttTimer);
    this.peer.close();
    this.socket?.close();
  }

  private get url(): string {
    return this.options.url;
  }

  private connect(): Promise<WebSocket> {
    const socket = new WebSocket(withToken(this.url, this.options.token ?? null));
    this.socket = socket;
    const opened = new Promise<WebSocket>((resolve, reject) => {
      socket.addEventListener("open", () => resolve(socket));
      socket.addEventListener("error", () => reject(new TransportError(`${this.url} does not answer`)));
    });
    socket.addEventListener("close", () => this.lose(`${this.url} closed the connection`));
    return within(CONNECT_MS, opened, `${this.url} does not answer`);
  }

  private painted(): Promise<MediaStreamTrack> {
    return new Promise((resolve, reject) => {
      this.peer.addEventListener("track", ({ track, receiver }) => {
        // Show each picture as soon as it is there: a game would rather skip than wait.
        if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
        track.addEventListener("unmute", () => {
          this.initialLatencyMs ??= this.connectedMs === null ? null : performance.now() - this.connectedMs;
        });
        resolve(track);
      });
      this.peer.addEventListener("connectionstatechange", () => {
        const state = this.peer.connectionState;
        if (state === "connected") this.connectedMs ??= performance.now();
        if (state !== "failed") return;
        reject(new TransportError(`no media path to ${this.url}; a firewall may block UDP`));
        this.lose("the media connection failed");
      });
    });
  }

  private answer(socket: WebSocket, prompt: string): Promise<void> {
    return new Promise((resolve, reject) => {
      socket.addEventListener("message", (event) => {
        if (typeof event.data !== "string") return;
        this.onMessage(JSON.parse(event.data) as Message, prompt, resolve).catch(reject);
      });
    });
  }

  private async onMessage(message: Message, prompt: string, answered: () => void): Promise<void> {
    if (message.type === "answer" && "sdp" in message) {
      await this.peer.setRemoteDescription({ type: "answer", sdp: message.sdp });
      for (const candidate of this.early.splice(0)) await this.peer.addIceCandidate(candidate);
      this.setPrompt(prompt);
      answered();
    } else if (message.type === "ice-candidate" && "candidate" in message && message.candidate !== null) {
      if (this.peer.remoteDescription === null) this.early.push(message.candidate);
      else await this.peer.addIceCandidate(message.candidate);
    } else if (message.type === "error" && "message" in message) {
      this.lose(message.message);
      throw new TransportError(`${this.url}: ${message.message}`);
    }
  }

  private async sampleRtt(): Promise<void> {
    for (const report of (await this.peer.getStats()).values() as Iterable<Record<string, unknown>>) {
      const rtt = report["currentRoundTripTime"];
      if (report["type"] !== "candidate-pair" || report["nominated"] !== true || typeof rtt !== "number") continue;
      this.rttSamples.push({ t: performance.now(), rtt: Math.round(rtt * 1_000) });
      return;
    }
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private lose(why: string): void {
    if (this.closed) return;
    this.closed = true;
    this.onLost(why);
  }
}

function withToken(url: string, token: string | null): string {
  if (token === null) return url;
  const address = new URL(url);
  address.searchParams.set("token", token);
  return address.href;
}

function preferVp8(peer: RTCPeerConnection): void {
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const vp8 = codecs.filter(({ mimeType }) => mimeType === "video/VP8");
  const rest = codecs.filter(({ mimeType }) => mimeType !== "video/VP8");
  for (const transceiver of peer.getTransceivers()) {
    if (vp8.length > 0) transceiver.setCodecPreferences([...vp8, ...rest]);
    for (const encoding of transceiver.sender.getParameters().encodings) encoding.scaleResolutionDownBy = 1;
  }
}

async function within<T>(limitMs: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TransportError(`${what} within ${limitMs / 1000} s`)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
