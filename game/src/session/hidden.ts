/** How long the page was hidden: nothing is drawn then, and nobody drives. */

/** Watches from its making until `stop`. */
export class HiddenWatch {
  private sinceMs: number | null = null;
  private longestMs = 0;
  private readonly listening = new AbortController();

  constructor(private readonly page: Document) {
    page.addEventListener("visibilitychange", () => this.change(), { signal: this.listening.signal });
    if (page.hidden) this.sinceMs = performance.now();
  }

  /** Stop; returns the longest time for which the page was hidden. */
  stop(): number {
    this.listening.abort();
    this.close();
    return this.longestMs;
  }

  private change(): void {
    this.close();
    this.sinceMs = this.page.hidden ? performance.now() : null;
  }

  private close(): void {
    if (this.sinceMs !== null) this.longestMs = Math.max(this.longestMs, performance.now() - this.sinceMs);
    this.sinceMs = null;
  }
}
