/**
 * The panel after a drive: how it ended, then why it is not uploaded, or how far the upload is.
 *
 * The upper half says the result; the lower half shows one thing at a time, and with it the buttons that
 * make sense then: a refused or an uploaded recording goes on to the next scenario (Enter too), an error
 * can be retried (Enter too), and until the upload is done the recording can be discarded.
 */

import "./theme.css";
import "./result.css";

import { addButton, addElement, isTyping, setHidden, setLine, setText, setTone } from "./elements";
import { latencyText, outcomeTitle, outcomeTone } from "./format";
import { UploadBars, type UploadRow } from "./upload_bars";

export type { UploadRow } from "./upload_bars";

export interface ResultActions {
  next(): void;
  /** Try again what has failed. */
  retry(): void;
  discard(): void;
}

/** The drive in figures. */
export interface ResultFacts {
  readonly scenarioName: string;
  readonly outcome: string;
  readonly seconds: number;
  readonly frames: number;
  readonly collisions: number;
  readonly latencyP50Ms: number | null;
  readonly grade: string;
}

/** What the lower half shows. */
type Stage = "summary" | "refusal" | "upload" | "uploaded" | "error";

const FACT_LABELS = ["time", "frames", "collisions", "latency (median)", "grade"] as const;

/** The centred panel; hidden until something is shown. */
export class ResultPanel {
  private readonly panel: HTMLElement;
  private readonly scenario: HTMLElement;
  private readonly outcome: HTMLElement;
  private readonly factValues: readonly HTMLElement[];
  private readonly refusal: HTMLElement;
  private readonly reasons: HTMLElement;
  private readonly upload: HTMLElement;
  private readonly bars: UploadBars;
  private readonly uploaded: HTMLElement;
  private readonly uploadedText: HTMLElement;
  private readonly error: HTMLElement;
  private readonly next: HTMLButtonElement;
  private readonly retry: HTMLButtonElement;
  private readonly discard: HTMLButtonElement;

  constructor(root: HTMLElement, actions: ResultActions) {
    this.panel = addElement(root, "div", { id: "result" });
    this.panel.setAttribute("role", "dialog");
    this.panel.setAttribute("aria-label", "result");
    const box = addElement(this.panel, "div", { className: "result-box" });
    this.scenario = addElement(box, "div", { className: "result-scenario" });
    this.outcome = addElement(box, "div", { id: "result-outcome" });
    const facts = addElement(box, "dl", { className: "result-facts" });
    this.factValues = FACT_LABELS.map((label) => addFact(facts, label));

    this.refusal = addElement(box, "div", { id: "result-refusal" });
    addElement(this.refusal, "div", { className: "result-heading", text: "this recording is not uploaded" });
    this.reasons = addElement(this.refusal, "ul");

    this.upload = addElement(box, "div", { id: "result-upload" });
    this.bars = new UploadBars(this.upload);

    this.uploaded = addElement(box, "div", { id: "result-uploaded" });
    addElement(this.uploaded, "div", { className: "result-heading", text: "thank you" });
    this.uploadedText = addElement(this.uploaded, "div");
    const link = addElement(this.uploaded, "a", { text: "your sessions" });
    link.href = "./player.html";

    this.error = addElement(box, "div", { id: "result-error" });
    this.error.setAttribute("role", "alert");

    const buttons = addElement(box, "div", { className: "result-buttons" });
    this.next = addButton(buttons, { id: "result-next", className: "primary", text: "next scenario" }, () => actions.next());
    this.retry = addButton(buttons, { id: "result-retry", className: "primary", text: "try again" }, () => actions.retry());
    this.discard = addButton(buttons, { id: "result-discard", text: "discard the recording" }, () => actions.discard());

    this.hide();
    window.addEventListener("keydown", (event) => this.onKeyDown(event));
  }

  /** A drive's result, with nothing yet about its recording. */
  showSummary(facts: ResultFacts): void {
    setText(this.scenario, facts.scenarioName);
    setText(this.outcome, outcomeTitle(facts.outcome));
    setTone(this.outcome, outcomeTone(facts.outcome));
    const values = [
      `${facts.seconds.toFixed(1)} s`,
      String(facts.frames),
      String(facts.collisions),
      latencyText(facts.latencyP50Ms),
      facts.grade,
    ];
    this.factValues.forEach((node, k) => setText(node, values[k] ?? ""));
    this.show("summary");
  }

  /** Why the recording is not worth uploading; each reason says how to do better. */
  showRefusal(reasons: readonly string[]): void {
    this.reasons.replaceChildren();
    for (const reason of reasons) addElement(this.reasons, "li", { text: reason });
    this.show("refusal");
  }

  /** How far the files are; the rows may change from call to call. */
  showUpload(rows: readonly UploadRow[]): void {
    this.bars.update(rows);
    this.show("upload");
  }

  showUploaded(text: string): void {
    setLine(this.uploadedText, text);
    this.show("uploaded");
  }

  showError(text: string): void {
    setText(this.error, text);
    this.show("error");
  }

  hide(): void {
    setHidden(this.panel, true);
  }

  private show(stage: Stage): void {
    setHidden(this.refusal, stage !== "refusal");
    setHidden(this.upload, stage !== "upload");
    setHidden(this.uploaded, stage !== "uploaded");
    setHidden(this.error, stage !== "error");
    const isOver = stage === "refusal" || stage === "uploaded";
    setHidden(this.next, !isOver);
    setHidden(this.retry, stage !== "error");
    setHidden(this.discard, isOver);
    setHidden(this.panel, false);
  }

  private onKeyDown(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.repeat || this.panel.hidden || isTyping(event)) return;
    if (event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement) return;
    const primary = [this.next, this.retry].find((button) => !button.hidden);
    primary?.click();
  }
}

function addFact(facts: HTMLElement, label: string): HTMLElement {
  const pair = addElement(facts, "div");
  addElement(pair, "dt", { text: label });
  return addElement(pair, "dd");
}
