/** What a patient's browser loads before the call: few bytes, and nothing from elsewhere. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const WEB = fileURLToPath(new URL("../../web/", import.meta.url));
const BUDGET = 150_000;

/** Files that a module needs, itself included; of what it imports later, the test that comes before the call, and not the call. */
function needs(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  for (const [, path] of text.matchAll(/(?:from|import|import\((?="\.\/self-test))\s*"(\.[^"]+)"/g)) needs(join(dirname(file), path), found);
  return found;
}

describe("the page before the call", () => {
  const page = readFileSync(join(WEB, "client/index.html"), "utf8");
  const parts = [...page.matchAll(/(?:href|src)="(client\/[^"]+)"/g)].map(([, path]) => join(WEB, path));

  it("loads at most 150 kB compressed, the self-test included", () => {
    const files = new Set([join(WEB, "client/index.html"), join(WEB, "client/not-loaded.html"), ...parts.flatMap((file) => (file.endsWith(".js") ? [...needs(file)] : [file]))]);
    const size = (file) => gzipSync(readFileSync(file)).length;
    // Of the texts a browser loads its user's language.
    const texts = readdirSync(join(WEB, "client/text")).map((name) => size(join(WEB, "client/text", name)));
    const bytes = [...files].reduce((sum, file) => sum + size(file), Math.max(...texts));
    assert.ok(![...files].some((file) => file.includes("client/text/")), "texts are counted once");
    assert.ok([...files].some((file) => file.includes("self-test")), "the self-test is counted");
    assert.ok(bytes <= BUDGET, `${bytes} bytes in ${files.size} files`);
  });

  it("names no host", () => {
    assert.doesNotMatch(page, /(?:href|src)="(?:https?:)?\/\//);
  });
});
