/** Bundles that are not uploaded yet, kept in the browser until they are. */

import type { Bundle } from "./bundle";

const DATABASE = "scalediff";
const STORE = "pending";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.addEventListener("upgradeneeded", () => {
      request.result.createObjectStore(STORE, { keyPath: "sessionId" });
    });
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB cannot be opened")));
  });
}

async function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.addEventListener("success", () => resolve(request.result));
      request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB refused")));
    });
  } finally {
    database.close();
  }
}

/** Keep a bundle. */
export async function remember(bundle: Bundle): Promise<void> {
  await inStore("readwrite", (store) => store.put(bundle));
}

/** Let go of a bundle that is stored. */
export async function forget(sessionId: string): Promise<void> {
  await inStore("readwrite", (store) => store.delete(sessionId));
}

/** A wallet's bundles that still wait. */
export async function pendingBundles(wallet: string): Promise<Bundle[]> {
  const all = await inStore("readonly", (store) => store.getAll() as IDBRequest<Bundle[]>);
  return all.filter((bundle) => bundle.wallet === wallet);
}
