/** Signing in: the wallet signs the server's text, the server gives a token. */

import type { UploadApi } from "../upload/api";
import type { Signer } from "../wallet/wallet";

/** A signed-in player. */
export interface Player {
  readonly wallet: string;
  readonly proof: { readonly nonce: string; readonly signature: string };
}

/**
 * Sign in; the token lies in the API and, for the other pages, in the tab's storage.
 *
 * @throws ApiError - The server refuses the signature.
 */
export async function signIn(api: UploadApi, signer: Signer, storage: Storage): Promise<Player> {
  const { nonce, message } = await api.challenge(signer.address);
  const signature = await signer.sign(message);
  const { token } = await api.signIn(signer.address, nonce, signature);
  api.token = token;
  storage.setItem("scalediff.token", token);
  storage.setItem("scalediff.wallet", signer.address);
  return { wallet: signer.address, proof: { nonce, signature } };
}
