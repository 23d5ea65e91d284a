/**
 * The upload API, as the game talks to it.
 *
 *     ApiError   an answer that is no success; its message is the problem document's detail
 */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    detail: string,
    readonly retryAfterS: number | null,
  ) {
    super(detail);
  }
}

export interface Challenge {
  readonly nonce: string;
  readonly message: string;
  readonly expiresMs: number;
}

export interface UploadTarget {
  readonly url: string;
  readonly method: "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly stored: boolean;
}

export interface DeclaredFile {
  readonly size: number;
  readonly sha256: string;
}

/** Server clock minus page clock, from NTP-style exchanges. */
export interface ClockOffset {
  readonly offset: number;
  readonly minRtt: number;
  readonly exchanges: number;
}

/** One server; `token` is set after signing in. */
export class UploadApi {
  token: string | null = null;

  constructor(private readonly base: string) {}

  challenge(wallet: string): Promise<Challenge> {
    return this.call("POST", "/v1/sign-in/challenges", { wallet });
  }

  signIn(wallet: string, nonce: string, signature: string): Promise<{ token: string; expiresMs: number }> {
    return this.call("POST", "/v1/sign-in", { wallet, nonce, signature });
  }

  issueSession(): Promise<{ sessionId: string; issuedMs: number; expiresMs: number }> {
    return this.call("POST", "/v1/sessions");
  }

  async declare(
    sessionId: string,
    files: Readonly<Record<string, DeclaredFile>>,
  ): Promise<Readonly<Record<string, UploadTarget>>> {
    const answer = await this.call<{ files: Record<string, UploadTarget> }>("PUT", `/v1/sessions/${sessionId}/files`, {
      files,
    });
    return answer.files;
  }

  /** The page's clock against the server's: the exchange with the shortest trip is off by half of it at most. */
  async measureClock(exchanges = 8): Promise<ClockOffset> {
    const found: { offset: number; rtt: number }[] = [];
    for (let k = 0; k < exchanges; k++) {
      const sentMs = performance.now();
      const { serverMs } = await this.call<{ serverMs: number }>("GET", "/v1/time");
      const rtt = performance.now() - sentMs;
      found.push({ offset: serverMs - (performance.timeOrigin + sentMs + rtt / 2), rtt });
    }
    const offsets = found.map(({ offset }) => offset).sort((a, b) => a - b);
    const minRtt = Math.min(...found.map(({ rtt }) => rtt));
    return { offset: offsets[offsets.length >> 1] ?? 0, minRtt, exchanges };
  }

  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.token !== null) headers["Authorization"] = `Bearer ${this.token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(`${this.base}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw await apiError(answer);
    return (await answer.json()) as T;
  }
}

/** The error that an answer stands for. */
export async function apiError(answer: Response): Promise<ApiError> {
  const fallback = `the server answered ${answer.status} ${answer.statusText}`;
  const problem = await answer.json().then(
    (found: { type?: string; detail?: string }) => found,
    () => ({}) as { type?: string; detail?: string },
  );
  const after = Number(answer.headers.get("Retry-After"));
  return new ApiError(answer.status, problem.type ?? "", problem.detail ?? fallback, after > 0 ? after : null);
}
