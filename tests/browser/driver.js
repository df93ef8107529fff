/**
 * Lets another process drive browsers: one JSON request a line on standard input, one JSON reply a line on standard
 * output. `browsers.py` is the other end. The process ends, and its browsers with it, when its input does.
 *
 *   {"id": 1, "method": "launch", "params": {"browser": "firefox"}}   → {"id": 1, "result": "browser-1"}
 *   {"id": 2, "method": "open", "params": {"browser": "browser-1", …}} → {"id": 2, "error": "…"}
 */
import { createInterface } from "node:readline";

import { launch, PATIENCE } from "./launch.js";
import { named } from "./named.js";

/** @type {Map<string, import("puppeteer-core").Browser>} */
const browsers = new Map();
/** @type {Map<string, import("puppeteer-core").Page>} */
const pages = new Map();
/** The names of browsers that outlive a `tidy`. @type {Set<string>} */
const keptBrowsers = new Set();
/** What each page said on its console, threw, and asked the network for. @type {Map<string, Noticed>} */
const noticed = new Map();
let names = 0;

/** @typedef {{ console: string[], errors: string[], requests: string[] }} Noticed */

const METHODS = {
  /** @param {{ browser: "chromium" | "firefox", kept?: boolean } & import("./launch.js").LaunchOptions} params */
  async launch({ browser: kind, kept = false, ...options }) {
    const name = `browser-${(names += 1)}`;
    browsers.set(name, await launch(kind, options));
    if (kept) keptBrowsers.add(name);
    return name;
  },

  /** Ends every page and its profile, and every browser that was not launched to be kept. */
  async tidy() {
    const closing = [...pages.values()];
    pages.clear();
    noticed.clear();
    const ending = [...browsers].filter(([name]) => !keptBrowsers.has(name));
    for (const [name] of ending) browsers.delete(name);
    // One that has ended by itself, or with its browser, is as good as closed.
    await Promise.allSettled(closing.map((page) => page.browserContext().close()));
    await Promise.allSettled(ending.map(([, browser]) => browser.close()));
    return null;
  },

  /** Opens a page in a profile of its own; `script` runs before the page's own scripts. */
  async open({ browser, url, script, width = 1280, height = 800 }) {
    const context = await found(browsers, browser).createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const name = `page-${(names += 1)}`;
    pages.set(name, page);
    const seen = { console: [], errors: [], requests: [] };
    noticed.set(name, seen);
    page.on("pageerror", (error) => {
      keep(seen.errors, error.message);
      process.stderr.write(`${name}: ${error.message}\n`);
    });
    page.on("console", (message) => {
      keep(seen.console, `${message.type()}: ${message.text()}`);
      process.stderr.write(`${name}: ${message.text()}\n`);
    });
    page.on("request", (request) => keep(seen.requests, request.url()));
    await page.setViewport({ width, height });
    if (script) await page.evaluateOnNewDocument(script);
    await page.goto(url);
    return name;
  },

  /** The value of an expression, awaited. It crosses as text: WebDriver BiDi cuts deep objects short. */
  async evaluate({ page, expression }) {
    const text = await found(pages, page).evaluate(
      `(async () => JSON.stringify((await (${expression})) ?? null))()`,
    );
    return JSON.parse(text);
  },

  /** Waits until an expression is true. */
  async wait({ page, expression, timeout = PATIENCE }) {
    await found(pages, page).waitForFunction(expression, { timeout, polling: 50 });
    return null;
  },

  /** Presses the button, or what else has the role, with an accessible name, as a person would. */
  async press({ page, label, role = "button", within = "", timeout = PATIENCE }) {
    await named(found(pages, page), label, role, within).setTimeout(timeout).click();
    return null;
  },

  /** Writes into the field of this label, in place of what stands there. */
  async fill({ page, label, text, timeout = PATIENCE }) {
    await named(found(pages, page), label, "textbox").setTimeout(timeout).fill(text);
    return null;
  },

  /** Chooses the option of this text in the list of this label. */
  async choose({ page, label, option, timeout = PATIENCE }) {
    const list = await named(found(pages, page), label, "combobox").setTimeout(timeout).waitHandle();
    const value = await list.evaluate(
      (select, text) => [...select.options].find((each) => each.label === text)?.value ?? null,
      option,
    );
    if (value === null) throw new Error(`"${label}" offers no "${option}"`);
    await list.select(value);
    return null;
  },

  /** Another window size, and the colours that the system prefers. */
  async emulate({ page, width, height, dark }) {
    const shown = found(pages, page);
    await shown.setViewport({ width, height });
    await shown.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
    return null;
  },

  /** What a page has said, thrown and asked for since it was opened. */
  async noticed({ page }) {
    return found(noticed, page);
  },

  async reload({ page }) {
    await found(pages, page).reload();
    return null;
  },

  async screenshot({ page, path, whole = false }) {
    await found(pages, page).screenshot({ path, fullPage: whole });
    return null;
  },

  /** Ends a page and its profile, as closing the window does. */
  async close({ page }) {
    const closing = found(pages, page);
    pages.delete(page);
    noticed.delete(page);
    await closing.browserContext().close();
    return null;
  },
};

/** A page that never falls silent is cut short. */
function keep(list, text) {
  if (list.length < 1000) list.push(text.slice(0, 1000));
}

/**
 * @template Thing
 * @param {Map<string, Thing>} things
 * @param {string} name
 * @returns {Thing}
 */
function found(things, name) {
  const thing = things.get(name);
  if (thing === undefined) throw new Error(`there is no ${name}`);
  return thing;
}

/** @param {string} line */
async function answer(line) {
  const { id, method, params } = JSON.parse(line);
  let reply;
  try {
    reply = { id, result: await METHODS[method](params) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

const lines = createInterface({ input: process.stdin });
lines.on("line", answer);
lines.on("close", async () => {
  await Promise.allSettled([...browsers.values()].map((browser) => browser.close()));
  process.exit(0);
});
