/**
 * Where the upload API is.
 *
 * Signatures and tokens go only to this page's origin, to the base that the page was built with, or to this
 * computer: a link with another `?api=` must not be able to carry them away.
 */

/** The page's place, and the API that it was built for. */
export interface Surroundings {
  /** Such as `https://play.example`. */
  readonly origin: string;
  /** Such as `?api=http://localhost:8000`. */
  readonly search: string;
  readonly builtBase?: string | undefined;
}

/**
 * The API's base URL, without a slash at its end.
 *
 * @returns Null where `?api=` names a place that must not see the token.
 */
export function apiBase({ origin, search, builtBase }: Surroundings): string | null {
  const wanted = new URLSearchParams(search).get("api");
  const usual = new URL(builtBase || origin, origin);
  if (wanted === null || wanted === "") return bare(usual);
  if (!URL.canParse(wanted, origin)) return null;
  const url = new URL(wanted, origin);
  const trusted = url.origin === origin || url.origin === usual.origin || isThisComputer(url);
  return trusted ? bare(url) : null;
}

function isThisComputer({ protocol, hostname }: URL): boolean {
  return /^https?:$/.test(protocol) && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

function bare({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.replace(/\/+$/, "");
}

/** The API's base URL for a page, by its address and its build. */
export function pageApiBase({ origin, search }: Location): string | null {
  const builtBase: unknown = import.meta.env["VITE_SCALEDIFF_API"];
  return apiBase({ origin, search, builtBase: typeof builtBase === "string" ? builtBase : undefined });
}
