/**
 * Who plays: a wallet that can sign a text. Either an extension that speaks the Wallet Standard, or a
 * burner key that this browser makes and keeps, for guests and tests.
 */

import { getWallets } from "@wallet-standard/app";
import nacl from "tweetnacl";

import { base58 } from "./base58";

/** Somebody who can sign. */
export interface Signer {
  readonly address: string;
  sign(text: string): Promise<string>;
}

const BURNER = "scalediff.burner";
const CONNECT = "standard:connect";
const SIGN = "solana:signMessage";

interface Account {
  readonly address: string;
}
interface ConnectFeature {
  connect(): Promise<{ readonly accounts: readonly Account[] }>;
}
interface SignFeature {
  signMessage(input: { account: Account; message: Uint8Array }): Promise<readonly { readonly signature: Uint8Array }[]>;
}

function capable(): { connect: ConnectFeature; sign: SignFeature } | null {
  for (const { features } of getWallets().get()) {
    const found = features as Readonly<Record<string, unknown>>;
    const connect = found[CONNECT] as ConnectFeature | undefined;
    const sign = found[SIGN] as SignFeature | undefined;
    if (connect !== undefined && sign !== undefined) return { connect, sign };
  }
  return null;
}

/** Whether an extension offers a wallet that signs texts. */
export function hasWallet(): boolean {
  return capable() !== null;
}

/** Be told when a wallet that signs texts registers after this call. */
export function onWallet(found: () => void): void {
  const stop = getWallets().on("register", () => {
    if (!hasWallet()) return;
    stop();
    found();
  });
}

/**
 * Ask the extension for an account.
 *
 * @throws Error - There is no wallet, or its owner refused.
 */
export async function connectWallet(): Promise<Signer> {
  const found = capable();
  if (found === null) throw new Error("no wallet that signs texts was found; install one, or play as a guest");
  const { accounts } = await found.connect.connect();
  const account = accounts[0];
  if (account === undefined) throw new Error("the wallet shared no account; allow one, or play as a guest");
  return {
    address: account.address,
    sign: async (text) => {
      const [signed] = await found.sign.signMessage({ account, message: new TextEncoder().encode(text) });
      if (signed === undefined) throw new Error("the wallet signed nothing; try again");
      return base58(signed.signature);
    },
  };
}

/** The guest's key of this browser, made at the first call. */
export function burnerKey(storage: Storage): Signer {
  const kept = storage.getItem(BURNER);
  const seed = kept === null ? crypto.getRandomValues(new Uint8Array(32)) : Uint8Array.from(JSON.parse(kept) as number[]);
  if (kept === null) storage.setItem(BURNER, JSON.stringify([...seed]));
  const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(seed);
  return {
    address: base58(publicKey),
    sign: (text) => Promise.resolve(base58(nacl.sign.detached(new TextEncoder().encode(text), secretKey))),
  };
}
