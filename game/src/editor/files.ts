/** Files in and out: shipped scenarios, local files, the download, and the game in another tab. */

import { readScenario } from "../assets";
import { parsed, savedFile } from "./draft";
import { type Json, prettyPrinted } from "./json";

const GAME_URL = "./index.html?scenario_file=1";
const GAME_KEY = "scalediff.scenario";

export async function shippedFile(id: string): Promise<Json> {
  return (await readScenario(id)) as Json;
}

/** @throws ScenarioError - Where the file is no JSON. */
export async function localFile(file: File): Promise<Json> {
  return parsed(await file.text(), file.name);
}

/** @throws ScenarioError - Where the scenario is not valid; nothing is saved then. */
export function download(file: Json): void {
  const { name, text } = savedFile(file);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * Hand the scenario to the game: a tab opened by this one gets a copy of its session storage.
 *
 * @throws ScenarioError - Where the scenario is not valid.
 */
export function playInGame(file: Json): void {
  savedFile(file);
  sessionStorage.setItem(GAME_KEY, prettyPrinted(file));
  if (window.open(GAME_URL, "_blank") === null) location.assign(GAME_URL);
}

/** Call back with a file that is dropped on the page. */
export function listenToDrops(hint: HTMLElement, take: (file: File) => void): void {
  let depth = 0;
  const show = (change: number): void => {
    depth = Math.max(0, depth + change);
    hint.hidden = depth === 0;
  };
  addEventListener("dragenter", () => show(1));
  addEventListener("dragleave", () => show(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    show(-depth);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) take(file);
  });
}
