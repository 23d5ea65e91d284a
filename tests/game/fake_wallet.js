/**
 * A fake wallet extension: the Wallet Standard's registration and features, with a key of its own.
 *
 * Registers as extensions do: it offers itself in a `wallet-standard:register-wallet` event, and answers
 * the app's `wallet-standard:app-ready`. Signs what it is asked to with Ed25519; no question is asked.
 * `window.fakeWallet` changes it: `{ refuses }` as its owner may, `{ lies }` signs other bytes.
 */
(() => {
  const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  const behaviour = { refuses: false, lies: false, ...window.fakeWallet };

  function base58(bytes) {
    let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let text = "";
    for (; number > 0n; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
    const zeros = bytes.findIndex((byte) => byte !== 0);
    return "1".repeat(zeros < 0 ? bytes.length : zeros) + text;
  }

  const keys = crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const account = keys.then(async ({ publicKey }) => {
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
    return Object.freeze({
      address: base58([...raw]),
      publicKey: raw,
      chains: ["solana:mainnet"],
      features: ["solana:signMessage"],
    });
  });

  async function signed({ message }) {
    const { privateKey } = await keys;
    const bytes = behaviour.lies ? message.toReversed() : message;
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, bytes));
    return { signedMessage: message, signature };
  }

  const wallet = Object.freeze({
    version: "1.0.0",
    name: "Fake wallet of the tests",
    icon: "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=",
    chains: ["solana:mainnet"],
    accounts: [],
    features: {
      "standard:connect": {
        version: "1.0.0",
        connect: async () => {
          if (behaviour.refuses) throw new Error("User rejected the request.");
          return { accounts: [await account] };
        },
      },
      "standard:events": { version: "1.0.0", on: () => () => undefined },
      "solana:signMessage": {
        version: "1.0.0",
        signMessage: (...inputs) => Promise.all(inputs.map(signed)),
      },
    },
  });

  const offer = ({ register }) => register(wallet);
  addEventListener("wallet-standard:app-ready", ({ detail }) => offer(detail));
  dispatchEvent(new CustomEvent("wallet-standard:register-wallet", { detail: offer }));
})();
