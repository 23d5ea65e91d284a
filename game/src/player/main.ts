/** The sessions page: reads who is signed in, asks the API, and asks again while a drive is being checked. */

import "../hud/theme.css";
import "./player.css";

import { pageApiBase } from "../upload/base";
import { fetchEarnings, fetchSessions } from "./api";
import type { Earnings } from "./earnings";
import { isInMotion } from "./figures";
import type { PlayerSession } from "./sessions";
import { sessionsPage, signInPage } from "./view";

const REFRESH_MS = 5000;
const TOKEN_KEY = "scalediff.token";
const WALLET_KEY = "scalediff.wallet";

/** Show the sessions and keep them fresh; ends where the player is signed out. */
async function watch(show: (nodes: readonly Node[]) => void, base: string, token: string, wallet: string): Promise<void> {
  let sessions: readonly PlayerSession[] | null = null;
  let earnings: Earnings | null = null;
  for (;;) {
    const [answer, earned] = await Promise.all([fetchSessions(base, token), fetchEarnings(base, token)]);
    if (answer.kind === "signed-out") {
      show(signInPage("You were signed out: the sign-in has run out. Sign in again to see your sessions."));
      return;
    }
    if (answer.kind === "sessions") sessions = answer.sessions;
    if (earned.kind === "earnings") earnings = earned.earnings;
    const error = answer.kind === "refused" ? answer.sentence : null;
    const refreshes = sessions === null || isInMotion(sessions);
    show(sessionsPage({ wallet, sessions, earnings, error, refreshes }));
    if (!refreshes) return;
    await new Promise((done) => setTimeout(done, REFRESH_MS));
  }
}

function start(page: HTMLElement): void {
  const show = (nodes: readonly Node[]): void => page.replaceChildren(...nodes);
  const token = sessionStorage.getItem(TOKEN_KEY);
  const wallet = sessionStorage.getItem(WALLET_KEY);
  if (token === null || wallet === null) {
    show(signInPage("You are not signed in. Sign in with your wallet to see what became of your drives."));
    return;
  }
  const base = pageApiBase(location);
  if (base === null) {
    const error = "The address names an API elsewhere (?api=), which must not see your sign-in; remove it.";
    show(sessionsPage({ wallet, sessions: null, earnings: null, error, refreshes: false }));
    return;
  }
  show(sessionsPage({ wallet, sessions: null, earnings: null, error: null, refreshes: true }));
  void watch(show, base, token, wallet);
}

const page = document.getElementById("page");
if (page !== null) start(page);
