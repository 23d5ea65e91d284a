/** Three pages: the game, the player's sessions, the scenario editor. World data is served as it lies. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

const page = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short=12", "HEAD"], { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return "unknown";
  }
}

export default defineConfig(({ mode }) => ({
  base: "./",
  build: {
    target: "es2022",
    // World data stays in files of its own: the city is read once and cached by its hash.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      // The page that measures is in no build that anybody plays.
      input:
        mode === "bench"
          ? { bench: page("bench.html") }
          : { index: page("index.html"), player: page("player.html"), editor: page("editor.html") },
    },
  },
  define: { __COMMIT__: JSON.stringify(commit()) },
  server: { fs: { allow: [".."] } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
}));
