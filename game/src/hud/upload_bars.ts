/** One bar per file of an upload, and one for all of them; rows are made as files turn up and then reused. */

import { addElement, setData, setHidden, setText } from "./elements";
import { clampShare, shareText, totalShare } from "./format";

/** How far one file is. */
export interface UploadRow {
  readonly label: string;
  /** Of the file that is sent, 0 to 1. */
  readonly share: number;
  readonly done: boolean;
}

/** The nodes of one row. */
interface Bar {
  readonly row: HTMLElement;
  readonly label: HTMLElement;
  readonly fill: HTMLElement;
  readonly share: HTMLElement;
}

/** Progress of an upload, file by file. */
export class UploadBars {
  private readonly bars: Bar[] = [];
  private readonly files: HTMLElement;
  private readonly total: Bar;

  constructor(parent: Element) {
    addElement(parent, "div", { className: "result-heading", text: "uploading" });
    this.files = addElement(parent, "div", { className: "upload-files" });
    this.total = addBar(parent);
    this.total.row.classList.add("is-total");
  }

  update(rows: readonly UploadRow[]): void {
    while (this.bars.length < rows.length) this.bars.push(addBar(this.files));
    this.bars.forEach((bar, k) => {
      const row = rows[k];
      setHidden(bar.row, row === undefined);
      if (row !== undefined) drawBar(bar, row);
    });
    const done = rows.filter((row) => row.done).length;
    const label = `${done} of ${rows.length} ${rows.length === 1 ? "file" : "files"}`;
    drawBar(this.total, { label, share: totalShare(rows), done: done === rows.length });
  }
}

function addBar(parent: Element): Bar {
  const row = addElement(parent, "div", { className: "upload-row" });
  const label = addElement(row, "span", { className: "upload-label" });
  const groove = addElement(row, "span", { className: "upload-groove" });
  const fill = addElement(groove, "span", { className: "upload-fill" });
  return { row, label, fill, share: addElement(row, "span", { className: "upload-share" }) };
}

function drawBar(bar: Bar, { label, share, done }: UploadRow): void {
  setText(bar.label, label);
  setText(bar.share, done ? "done" : shareText(share));
  setData(bar.row, "done", String(done));
  bar.fill.style.transform = `scaleX(${done ? 1 : clampShare(share)})`;
}
