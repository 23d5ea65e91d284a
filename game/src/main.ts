/** The game's page: terminal, signing in, loading, and then the game. */

import "./hud/theme.css";

import { readWorld } from "./assets";
import { cityTile, cityWalls } from "./collision/city_walls";
import { runIntro } from "./hud/intro";
import { streetNetwork } from "./navigation/network";
import { carLimits } from "./physics/car";
import { controlSettings } from "./physics/keyboard";
import { recordingWay } from "./recorder/track_recorder";
import { type Scenario, scenarioOf } from "./scenario/stage";
import { configOf, type GameConfig } from "./session/config";
import { Game } from "./session/game";
import { type Player, signIn } from "./session/sign_in";
import { UploadApi } from "./upload/api";
import { pageApiBase } from "./upload/base";
import { CLIENT } from "./upload/bundle";
import { burnerKey, connectWallet, hasWallet, onWallet } from "./wallet/wallet";
import { type CityEntry, Stage } from "./world/stage";

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html lacks #${id}`);
  return found;
}

async function load(config: GameConfig, view: HTMLCanvasElement, say: (line: string) => void) {
  say("loading the city");
  const { car, city, controls, streets } = await readWorld();
  const entry = city as CityEntry;
  say(`building ${entry.buildings.length} houses`);
  const stage = new Stage(entry, { canvas: view, widthPx: config.widthPx, heightPx: config.heightPx });
  say("building walls and streets");
  return {
    stage,
    walls: cityWalls(city),
    tileM: cityTile(city),
    streets: streetNetwork(streets),
    limits: carLimits(car),
    controls: controlSettings(controls),
  };
}

/** The scenario that the editor hands over, if the address asks for it. */
function handedOver(): Scenario | null {
  if (!new URLSearchParams(location.search).has("scenario_file")) return null;
  const kept = sessionStorage.getItem("scalediff.scenario");
  return kept === null ? null : scenarioOf(JSON.parse(kept), "the editor's scenario");
}

async function main(): Promise<void> {
  const config = configOf(location.search);
  const base = pageApiBase(location);
  if (base === null) throw new Error("this page's ?api= names a server that it does not trust; remove it");
  const api = new UploadApi(base);
  const view = element("view", HTMLCanvasElement);
  if (recordingWay() === null) throw new Error("this browser records no WebM video; use a current Chrome, Edge or Firefox");
  const { player, loaded } = await introduce(config, api, view);
  const game = new Game({
    config,
    api,
    player,
    view,
    painted: element("painted", HTMLVideoElement),
    hudRoot: element("game", HTMLElement),
    ...loaded,
  });
  await game.start(handedOver());
}

/** The terminal: who plays, and loading. */
async function introduce(config: GameConfig, api: UploadApi, view: HTMLCanvasElement) {
  let player: Player | undefined;
  let loaded: Awaited<ReturnType<typeof load>> | undefined;
  await runIntro({
    root: document.body,
    version: CLIENT.version,
    transports: [config.transport],
    fast: config.fast,
    hasWallet: hasWallet(),
    onWallet,
    connect: async (choice) => {
      const signer = choice === "wallet" ? await connectWallet() : burnerKey(localStorage);
      player = await signIn(api, signer, sessionStorage);
      return { wallet: player.wallet };
    },
    load: async (say) => {
      loaded = await load(config, view, say);
    },
  });
  if (player === undefined || loaded === undefined) throw new Error("nobody signed in; reload the page");
  return { player, loaded };
}

main().catch((error: unknown) => {
  const line = document.createElement("p");
  line.id = "fatal";
  line.setAttribute("role", "alert");
  line.textContent = error instanceof Error ? error.message : String(error);
  document.body.append(line);
});
