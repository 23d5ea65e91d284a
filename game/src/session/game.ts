/**
 * The game between signing in and closing the tab: one recorded scenario after another.
 *
 *     waiting -> recording -> result (uploading or refused) -> waiting for the next scenario
 */

import { readScenario } from "../assets";
import type { StaticIndex, TileM } from "../collision/footprints";
import { Hud } from "../hud/hud";
import { ResultPanel } from "../hud/result";
import { PlayerInput } from "../input/input";
import { Navigator } from "../navigation/navigator";
import type { Navigation } from "../navigation/navigator";
import type { StreetNetwork } from "../navigation/network";
import type { CarLimits } from "../physics/car";
import { type ControlSettings, Keyboard } from "../physics/keyboard";
import { blockPx } from "../recorder/stamp";
import { type Scenario, scenarioOf } from "../scenario/stage";
import { Simulation } from "../simulation";
import type { DiffusionTransport } from "../transport/transport";
import type { UploadApi } from "../upload/api";
import type { Bundle } from "../upload/bundle";
import { pendingBundles } from "../upload/pending";
import { uploadBundle } from "../upload/uploader";
import type { Stage } from "../world/stage";
import { CameraFeed } from "./camera_feed";
import { type GameConfig, newTransport } from "./config";
import { DriveLoop, type World } from "./drive_loop";
import { Recording } from "./recording";
import type { Player } from "./sign_in";

/** What was loaded before playing. */
export interface GameParts {
  readonly config: GameConfig;
  readonly api: UploadApi;
  readonly player: Player;
  readonly stage: Stage;
  readonly walls: StaticIndex;
  readonly tileM: TileM;
  readonly streets: StreetNetwork;
  readonly limits: CarLimits;
  readonly controls: ControlSettings;
  readonly view: HTMLCanvasElement;
  readonly painted: HTMLVideoElement;
  readonly hudRoot: HTMLElement;
}

export class Game {
  private readonly hud: Hud;
  private readonly result: ResultPanel;
  private readonly loop: DriveLoop;
  private readonly feed: CameraFeed;
  private transport: DiffusionTransport | null = null;
  private paintedTrack: MediaStreamTrack | null = null;
  private recording: Recording | null = null;
  private scenario: Scenario | null = null;
  private waiting: Bundle | null = null;
  private prompt: string;
  private debug = false;
  private lost: string | null = null;
  private ending = false;

  constructor(private readonly parts: GameParts) {
    this.prompt = parts.config.prompt;
    this.feed = new CameraFeed(parts.stage.canvas);
    this.hud = new Hud(parts.hudRoot, {
      stopEarly: () => void this.end(),
      setPrompt: (text) => this.setPrompt(text),
      toggleDebug: () => {
        this.debug = !this.debug;
        if (!this.debug) this.hud.setDebug([]);
      },
    });
    this.result = new ResultPanel(parts.hudRoot, {
      next: () => void this.begin(this.scenario?.nextId ?? parts.config.scenarioId),
      retry: () => void this.send(),
      discard: () => void this.begin(this.scenario?.id ?? parts.config.scenarioId),
    });
    const input = new PlayerInput(window);
    this.loop = new DriveLoop(parts.stage, this.feed, input, (world, navigation, fps) => {
      this.onTick(world, navigation, fps);
    });
    for (const target of [parts.view, parts.painted]) {
      target.addEventListener("click", () => void target.requestPointerLock());
    }
  }

  /** Connect to the painter, send what an earlier visit left behind, and play the first scenario. */
  async start(first: Scenario | null): Promise<void> {
    this.hud.show(true);
    this.loop.start();
    void this.sendLeftovers();
    await this.begin(first ?? this.parts.config.scenarioId);
  }

  private async begin(which: string | Scenario): Promise<void> {
    this.result.hide();
    this.waiting = null;
    try {
      const scenario = typeof which === "string" ? scenarioOf(await readScenario(which), `${which}.json`) : which;
      const world = this.enter(scenario);
      await this.connect();
      this.record(world);
    } catch (error) {
      this.result.showError(text(error));
    }
  }

  private enter(scenario: Scenario): World {
    const { limits, walls, tileM, streets, controls, config } = this.parts;
    const { player } = scenario;
    const sim = new Simulation({ limits, walls, start: player, scenario, freezeOnLoss: false });
    const turns = scenario.target === null ? "random" : "straight";
    const world = {
      sim,
      keyboard: new Keyboard(limits, controls),
      navigator: new Navigator(streets, { seed: config.seed, turns, tileM }),
      log: null,
    };
    this.scenario = scenario;
    this.loop.world = world;
    return world;
  }

  private async connect(): Promise<void> {
    if (this.transport !== null && this.lost === null && this.paintedTrack?.readyState === "live") return;
    this.transport?.close();
    this.lost = null;
    const transport = newTransport(this.parts.config, this.parts.api.token);
    transport.onLost = (why) => {
      this.lost = why;
      if (this.recording !== null) void this.end();
    };
    this.transport = transport;
    this.paintedTrack = await transport.open(this.feed.track, this.prompt);
    this.show(transport.local, this.paintedTrack);
  }

  /** A local picture is the canvas itself; a painted one comes as video. */
  private show(local: boolean, track: MediaStreamTrack): void {
    const { view, painted } = this.parts;
    view.hidden = !local;
    painted.hidden = local;
    if (local) return;
    painted.srcObject = new MediaStream([track]);
    painted.style.transformOrigin = "bottom";
    painted.onresize = () => hideStrip(painted);
    hideStrip(painted);
  }

  private record(world: World): void {
    const { api, player, config } = this.parts;
    if (this.transport === null || this.paintedTrack === null) return;
    // The world waited while the painter was connected: the scenario begins with the recording.
    const fresh = this.scenario === null ? world : this.enter(this.scenario);
    this.recording = new Recording({
      api,
      player,
      transport: this.transport,
      painted: this.paintedTrack.clone(),
      source: config.recordSource && !this.transport.local ? this.feed.track.clone() : null,
      prompt: this.prompt,
    });
    fresh.log = this.recording.log;
    this.ending = false;
  }

  private onTick(world: World, navigation: Navigation, fps: number): void {
    const { sim } = world;
    const { recording } = this;
    const remainingS = Math.max(0, this.parts.config.seconds - (recording?.seconds ?? 0));
    this.hud.update({
      speedMps: sim.car.speedMps,
      remainingS,
      recording: recording === null ? "off" : recording.frames === 0 ? "waiting" : "recording",
      recordedFrames: recording?.frames ?? 0,
      connection: this.lost ?? this.transport?.name ?? "connecting",
      latencyMs: recording?.lastLatencyMs ?? null,
      scenarioName: this.scenario?.name ?? "",
      goal: this.scenario?.description ?? "",
      outcome: sim.outcome,
      collisions: sim.collisions,
      command: navigation.command,
      distanceToTurnM: navigation.distanceToTurnM,
      speedLimitMps: navigation.speedLimitMps,
      fps,
      pointerLocked: document.pointerLockElement !== null,
    });
    if (this.debug) this.hud.setDebug(this.debugLines(fps));
    if (recording !== null && remainingS === 0) void this.end();
  }

  private debugLines(fps: number): string[] {
    const { calls, triangles } = this.parts.stage.cost;
    const rtt = this.transport?.rttSamples.at(-1)?.rtt;
    return [
      `${fps.toFixed(1)} fps, ${calls} draw calls, ${triangles} triangles, ${this.parts.stage.driver}`,
      `transport ${this.transport?.name ?? "none"}, round trip ${rtt === undefined ? "unknown" : `${rtt} ms`}`,
      `prompt: ${this.prompt}`,
    ];
  }

  private setPrompt(prompt: string): void {
    this.prompt = prompt;
    this.transport?.setPrompt(prompt);
    this.hud.note("the painter was told; the picture follows in a moment");
  }

  private async end(): Promise<void> {
    const { recording, scenario } = this;
    const world = this.loop.world;
    if (recording === null || scenario === null || world === null || this.ending) return;
    this.ending = true;
    world.log = null;
    document.exitPointerLock();
    try {
      const { outcome, collisions } = world.sim;
      const finished = await recording.finish({ id: scenario.id, name: scenario.name, outcome, collisions });
      this.result.showSummary({
        scenarioName: scenario.name,
        outcome: outcome ?? "stopped early",
        seconds: finished.seconds,
        frames: finished.frames,
        collisions,
        latencyP50Ms: finished.latencyP50Ms,
        grade: finished.grade,
      });
      if (this.lost !== null) this.hud.note(this.lost, "warn");
      this.waiting = finished.bundle;
      if (finished.bundle === null) this.result.showRefusal(finished.refusals);
      else await this.send();
    } catch (error) {
      this.result.showError(text(error));
    } finally {
      this.recording = null;
    }
  }

  private async send(): Promise<void> {
    const bundle = this.waiting;
    if (bundle === null) return;
    const shares = new Map(bundle.files.map(({ label }) => [label, 0]));
    const draw = (): void => {
      this.result.showUpload([...shares].map(([label, share]) => ({ label, share, done: share === 1 })));
    };
    draw();
    try {
      await uploadBundle(this.parts.api, bundle, (label, sent, total) => {
        shares.set(label, total === 0 ? 1 : sent / total);
        draw();
      });
      this.waiting = null;
      this.result.showUploaded(`session ${bundle.sessionId} is stored; its verdict comes with the next hour's run`);
    } catch (error) {
      this.result.showError(`${text(error)}; the recording is kept in this browser`);
    }
  }

  private async sendLeftovers(): Promise<void> {
    for (const bundle of await pendingBundles(this.parts.player.wallet).catch(() => [])) {
      await uploadBundle(this.parts.api, bundle, () => undefined).then(
        () => this.hud.note(`an earlier recording (${bundle.sessionId}) was uploaded`),
        (error: unknown) => this.hud.note(`an earlier recording still waits: ${text(error)}`, "warn"),
      );
    }
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The strip with the frame id is for machines: the picture grows upwards by its height, in the painter's size. */
function hideStrip(painted: HTMLVideoElement): void {
  const { videoWidth, videoHeight } = painted;
  if (videoHeight === 0) return;
  const strip = blockPx(videoWidth, videoHeight) / videoHeight;
  painted.style.transform = `scaleY(${1 / (1 - strip)})`;
}
