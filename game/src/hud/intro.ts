/**
 * The page before the game: a terminal that says what this is, signs the player in and loads the world.
 *
 * Every line is a fact of this page or something that has just happened; nothing is staged. When the world
 * is loaded, the terminal's window opens into the game's view.
 */

import "./theme.css";
import "./intro.css";

import { recordingWay } from "../recorder/track_recorder";
import { PHYSICS_HZ } from "../simulation";
import { addElement } from "./elements";
import { shortWallet } from "./format";
import { CAR, LOGO } from "./intro_logo";
import { type Choice, CommandPrompt } from "./intro_prompt";
import { waitForScreen } from "./intro_screen";

export interface IntroOptions {
  readonly root: HTMLElement;
  readonly version: string;
  /** Names of the painters that can be asked. */
  readonly transports: readonly string[];
  /** No pauses and no transitions. */
  readonly fast: boolean;
  /** A wallet extension was found. */
  readonly hasWallet: boolean;
  /** Calls back when a wallet extension comes after the page. */
  readonly onWallet: (found: () => void) => void;
  readonly connect: (choice: "wallet" | "guest") => Promise<{ wallet: string }>;
  readonly load: (onProgress: (line: string) => void) => Promise<void>;
}

const LINE_MS = 100;
/** Equal to the transition in `intro.css`. */
const MORPH_MS = 800;

/** Show the intro until the player is signed in and the world is loaded; nothing of it is left then. */
export async function runIntro(options: IntroOptions): Promise<void> {
  await waitForScreen(options.root, window);
  const terminal = new Terminal(options);
  await terminal.introduce();
  await terminal.signIn();
  await terminal.load();
  await terminal.leave();
}

/** The window and what is printed in it. */
class Terminal {
  private readonly page: HTMLElement;
  private readonly body: HTMLElement;
  private readonly facts: HTMLElement;
  private readonly log: HTMLElement;
  private readonly prompt: CommandPrompt;

  constructor(private readonly options: IntroOptions) {
    this.page = addElement(options.root, "div", { id: "intro" });
    const frame = addElement(this.page, "div", { className: "intro-window" });
    addElement(frame, "div", { className: "intro-title", text: `scalediff ${options.version}` });
    this.body = addElement(frame, "div", { className: "intro-body" });
    const fetched = addElement(this.body, "div", { className: "intro-fetch" });
    const logo = addElement(fetched, "div", { className: "intro-logo" });
    logo.setAttribute("aria-hidden", "true");
    addElement(logo, "pre", { text: LOGO });
    addElement(logo, "pre", { className: "intro-car", text: CAR });
    this.facts = addElement(fetched, "dl", { className: "intro-facts" });
    this.log = addElement(this.body, "div", { className: "intro-log" });
    this.log.setAttribute("role", "log");
    this.prompt = new CommandPrompt(this.body, choices(options.hasWallet));
    options.onWallet(() => this.prompt.allow("connect"));
  }

  /** What this page is and can do, line by line. */
  async introduce(): Promise<void> {
    for (const [label, value] of introFacts(this.options)) {
      const line = addElement(this.facts, "div");
      addElement(line, "dt", { text: label });
      addElement(line, "dd", { text: value });
      if (!this.options.fast) await pause(LINE_MS);
    }
  }

  /** Ask how to sign in until it has worked. */
  async signIn(): Promise<void> {
    for (;;) {
      const word = await this.prompt.ask(["connect", "guest"]);
      const line = this.print("signing in ...");
      try {
        const { wallet } = await this.options.connect(word === "connect" ? "wallet" : "guest");
        line.textContent = `signed in as ${shortWallet(wallet)}`;
        line.classList.add("good");
        return;
      } catch (error) {
        line.remove();
        this.prompt.showError(messageOf(error));
      }
    }
  }

  /** Load the world, again as often as it fails and the player wants it. */
  async load(): Promise<void> {
    for (;;) {
      try {
        return await this.options.load((line) => this.print(line));
      } catch (error) {
        this.prompt.showError(messageOf(error));
        await this.prompt.ask(["retry"]);
      }
    }
  }

  /** Open the window into the game and take the intro away. */
  async leave(): Promise<void> {
    const still = this.options.fast || window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still) {
      this.page.classList.add("is-leaving");
      await pause(MORPH_MS);
    }
    this.page.remove();
  }

  private print(text: string): HTMLElement {
    const line = addElement(this.log, "div", { text });
    this.body.scrollTop = this.body.scrollHeight;
    return line;
  }
}

const RECORDERS = {
  frames: "every frame by its id",
  file: "every frame by its id, read from the file",
  none: "not in this browser; use Chrome or Edge",
} as const;

function introFacts({ transports, hasWallet }: IntroOptions): readonly (readonly [label: string, value: string])[] {
  return [
    ["host", window.location.host],
    ["world", "procedural city, 2.28 x 2.28 km"],
    ["physics", `${PHYSICS_HZ} Hz, on its own clock`],
    ["transport", transports.length > 0 ? transports.join(", ") : "none"],
    ["recorder", RECORDERS[recordingWay() ?? "none"]],
    ["wallet", hasWallet ? "extension found" : "no extension found"],
  ];
}

function choices(hasWallet: boolean): readonly Choice[] {
  return [
    {
      word: "connect",
      id: "intro-connect",
      meaning: "sign in with your wallet extension",
      refusal: hasWallet ? null : "needs a wallet extension; none was found in this browser",
    },
    { word: "guest", id: "intro-guest", meaning: "sign in with a burner key made in this browser", refusal: null },
    { word: "retry", id: "intro-retry", meaning: "load again", refusal: null },
  ];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
