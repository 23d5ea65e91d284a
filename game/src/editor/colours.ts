/** Colours on the map: the theme's, and entities' own made light enough for a dark ground. */

export const THEME = {
  ground: "#0d1117",
  street: "#1a2029",
  middle: "#3b3a2a",
  building: "#151b23",
  wall: "#2b3541",
  text: "#d5dce4",
  dim: "#8b96a3",
  accent: "#7ee787",
  amber: "#e3b341",
  red: "#ff7b72",
} as const;

const LEAST_LIGHTNESS = 150;

/** `#rrggbb`, mixed with white where it would be lost on the ground; grey where it is no colour. */
export function lineColour(hex: string): string {
  if (!/^#[0-9a-fA-F]{6}$/.test(hex)) return THEME.dim;
  const channels = [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
  const lightest = Math.max(...channels);
  const share = lightest >= LEAST_LIGHTNESS ? 0 : (LEAST_LIGHTNESS - lightest) / (255 - lightest);
  return `rgb(${channels.map((value) => Math.round(value + (255 - value) * share)).join(" ")})`;
}
