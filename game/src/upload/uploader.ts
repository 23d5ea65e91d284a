/**
 * Sends a bundle: its files one after another with progress, the meta last as the commit marker.
 *
 * A broken connection is tried again with growing pauses; what is stored already is not sent again. The
 * bundle waits in IndexedDB until it is complete, so that a closed tab can go on later.
 */

import { ApiError, apiError, type UploadApi, type UploadTarget } from "./api";
import type { Bundle } from "./bundle";
import { forget, remember } from "./pending";

const PAUSES_MS = [500, 1_500, 4_000, 10_000];
const META = "meta";

/** How much of each file has gone. */
export type OnProgress = (label: string, sentBytes: number, totalBytes: number) => void;

/**
 * Upload a bundle.
 *
 * @throws ApiError - Where the server refuses; trying again would not help.
 */
export async function uploadBundle(api: UploadApi, bundle: Bundle, onProgress: OnProgress): Promise<void> {
  await remember(bundle);
  await patiently(async () => {
    const declared = Object.fromEntries(bundle.files.map(({ label, size, sha256 }) => [label, { size, sha256 }]));
    const targets = await api.declare(bundle.sessionId, declared);
    const last = bundle.files.filter(({ label }) => label === META);
    for (const file of [...bundle.files.filter(({ label }) => label !== META), ...last]) {
      const target = targets[file.label];
      if (target === undefined) throw new Error(`the server gave no URL for ${file.label}`);
      if (!target.stored) await put(target, file.content, (sent) => onProgress(file.label, sent, file.size));
      onProgress(file.label, file.size, file.size);
    }
  });
  await forget(bundle.sessionId);
}

/** Try again after what may pass: no network, an overloaded server. */
async function patiently(attempt: () => Promise<void>): Promise<void> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await attempt();
    } catch (error) {
      const mayPass = !(error instanceof ApiError) || error.status >= 500 || error.status === 429 || error.status === 408;
      if (!mayPass) throw error;
      const waitMs = error instanceof ApiError && error.retryAfterS !== null ? error.retryAfterS * 1_000 : pauseMs;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
  return attempt();
}

/** Fetch knows no progress of a request's body; this one does. */
function put(target: UploadTarget, content: Blob, onSent: (bytes: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(target.method, target.url);
    for (const [name, value] of Object.entries(target.headers)) {
      if (name.toLowerCase() !== "content-length") request.setRequestHeader(name, value);
    }
    request.upload.addEventListener("progress", ({ loaded }) => onSent(loaded));
    request.addEventListener("error", () => reject(new Error("the connection broke")));
    request.addEventListener("load", () => {
      // Stored already: an answer was lost on the way.
      if ((request.status >= 200 && request.status < 300) || request.status === 412) return resolve();
      const answer = new Response(request.responseText, { status: request.status, statusText: request.statusText });
      void apiError(answer).then(reject);
    });
    request.send(content);
  });
}
