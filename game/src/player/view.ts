/** The sessions page as DOM. Everything that came over the wire is set as text, never as markup. */

import { type Earning, type Earnings, safeLink, stateOf } from "./earnings";
import { gradeOf, localTime, passedOf, shortWallet, solOf, type Totals, totalsOf } from "./figures";
import type { PlayerSession } from "./sessions";

type Child = Node | string;

/** What the page shows. */
export interface Shown {
  readonly wallet: string;
  /** Null before the first answer. */
  readonly sessions: readonly PlayerSession[] | null;
  /** Null before the first answer. */
  readonly earnings: Earnings | null;
  /** A sentence about what went wrong, or null. */
  readonly error: string | null;
  /** It looks again by itself. */
  readonly refreshes: boolean;
}

/** An element with a class and children. */
function el<K extends keyof HTMLElementTagNameMap>(tag: K, name = "", ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (name !== "") made.className = name;
  made.append(...children);
  return made;
}

function link(href: string, words: string, name = ""): HTMLAnchorElement {
  const made = el("a", name, words);
  made.href = href;
  return made;
}

/** The page of someone who has to sign in. */
export function signInPage(reason: string): Node[] {
  const how = el(
    "section",
    "panel empty",
    el("p", "", reason),
    el("p", "dim", "Your sessions belong to the wallet that you drive with. The sign-in lasts as long as this tab."),
    link("./index.html", "Sign in", "button primary"),
  );
  return [header(null), how];
}

/** The page of a signed-in player. */
export function sessionsPage({ wallet, sessions, earnings, error, refreshes }: Shown): Node[] {
  const nodes: Node[] = [header(wallet)];
  if (error !== null) nodes.push(note(error));
  if (sessions === null) return error === null ? [...nodes, el("p", "dim", "Asking for your sessions …")] : nodes;
  if (sessions.length === 0) return [...nodes, emptyState()];
  nodes.push(totalsRow(totalsOf(sessions)));
  if (earnings !== null && earnings.entries.length > 0) nodes.push(earningsPanel(earnings));
  nodes.push(el("ul", "sessions", ...sessions.map(sessionCard)));
  nodes.push(el("p", "dim", refreshes ? "Looks again every 5 s while a drive is being checked." : "Nothing is being checked right now; reload the page to look again."));
  return nodes;
}

function header(wallet: string | null): HTMLElement {
  const nav = el("nav", "", link("./index.html", "Drive"), link("./editor.html", "Scenario editor"));
  const top = el("header", "top", el("h1", "", "My sessions"));
  if (wallet !== null) {
    const address = el("span", "dim wallet", shortWallet(wallet));
    address.title = wallet;
    top.append(address);
  }
  top.append(nav);
  return top;
}

function note(sentence: string): HTMLElement {
  const made = el("p", "note", sentence);
  made.setAttribute("role", "alert");
  return made;
}

function emptyState(): HTMLElement {
  return el(
    "section",
    "panel empty",
    el("p", "", "No drives yet."),
    el("p", "dim", "Start the game, wait until the painted city moves, and drive for a minute. Keep the tab in front until it says that the upload is done; the drive then appears here."),
    link("./index.html", "Begin a drive", "button primary"),
  );
}

function totalsRow({ sessions, accepted, segments, segmentsPassed, earnedLamports }: Totals): HTMLElement {
  return el(
    "section",
    "totals",
    total("drives", `${sessions}`),
    total("accepted", `${accepted}`),
    total("segments used", `${segmentsPassed} of ${segments}`),
    total("earned", solOf(earnedLamports)),
  );
}

function total(label: string, value: string): HTMLElement {
  return el("div", "panel", el("h2", "", label), el("div", "value", value));
}

function earningsPanel({ earnedLamports, paidLamports, entries }: Earnings): HTMLElement {
  const sums = el("p", "dim", `${solOf(earnedLamports)} earned, ${solOf(paidLamports)} paid to your wallet.`);
  return el("section", "panel earnings", el("h2", "", "Earnings"), sums, el("ul", "", ...entries.map(earningRow)));
}

function earningRow(entry: Earning): HTMLElement {
  const day = el("span", "", entry.isCorrection ? `${entry.day}, correction` : entry.day);
  const url = safeLink(entry.url);
  const row = el("li", "row", day, el("span", "amount", solOf(entry.lamports)), el("span", "dim", stateOf(entry)));
  if (url === null) return row;
  const shown = link(url, "transaction");
  shown.target = "_blank";
  shown.rel = "noopener noreferrer";
  row.append(shown);
  return row;
}

function sessionCard(session: PlayerSession): HTMLElement {
  const when = el("time", "", localTime(session.issuedMs));
  when.dateTime = new Date(session.issuedMs).toISOString();
  const chip = el("span", `chip status-${session.status}`, session.status);
  return el(
    "li",
    "panel session",
    el("div", "stack", when, chip),
    el("div", "stack", el("p", "verdict", session.verdict), el("span", "dim id", session.sessionId)),
    el("div", "stack figures", ...figures(session)),
  );
}

function figures(session: PlayerSession): Node[] {
  const segments = el("div", "row", el("span", "dim", "segments"), passedOf(session));
  const grade = el("div", "row", el("span", "dim", "alignment"), session.alignmentGrade ?? "—");
  const nodes: Node[] = [segments];
  if (session.segments !== null && session.segments > 0) nodes.push(bar(session.segments, session.segmentsPassed ?? 0));
  nodes.push(grade);
  if (session.alignmentGrade !== null) nodes.push(el("p", "dim id", gradeOf(session.alignmentGrade)));
  return [...nodes, el("div", "row", el("span", "dim", "earned"), solOf(session.earnedLamports))];
}

/** A piece per segment, those that are used first. */
function bar(segments: number, passed: number): HTMLElement {
  const pieces = Array.from({ length: Math.min(segments, 60) }, (_, k) => {
    return el("i", k < Math.round((passed * Math.min(segments, 60)) / segments) ? "passed" : "");
  });
  const made = el("div", "bar", ...pieces);
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", `${passed} of ${segments} segments used`);
  return made;
}
