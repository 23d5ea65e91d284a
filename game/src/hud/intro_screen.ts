/**
 * Whether this screen can play: driving needs a keyboard, a mouse and some width.
 *
 * A narrow window may be widened; a device that has only touch stays refused. `?force=1` plays anyway.
 */

import { addElement } from "./elements";

const MIN_WIDTH_PX = 700;

/** Why this screen cannot play, or null. */
export function screenRefusal(page: Window): string | null {
  if (new URLSearchParams(page.location.search).get("force") === "1") return null;
  const touchOnly = page.matchMedia("(pointer: coarse)").matches && !page.matchMedia("(any-pointer: fine)").matches;
  if (touchOnly) return "The car is driven with a keyboard and a mouse.";
  return page.innerWidth < MIN_WIDTH_PX ? `This window is narrower than ${MIN_WIDTH_PX} px.` : null;
}

/** Show "please use a desktop browser" for as long as the screen cannot play. */
export async function waitForScreen(root: HTMLElement, page: Window): Promise<void> {
  const refusal = screenRefusal(page);
  if (refusal === null) return;
  const notice = addElement(root, "div", { id: "intro", className: "intro-refusal" });
  addElement(notice, "h1", { text: "please use a desktop browser" });
  addElement(notice, "p", { text: refusal });
  await new Promise<void>((resolve) => {
    const listening = new AbortController();
    const check = (): void => {
      if (screenRefusal(page) !== null) return;
      listening.abort();
      resolve();
    };
    page.addEventListener("resize", check, { signal: listening.signal });
  });
  notice.remove();
}
