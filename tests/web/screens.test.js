/** The contact sheet (docs/screens.md) shows each screen of the list, and none besides. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "../browser/launch.js";
import { faults } from "./screens/faults.js";
import { SCREENS } from "./screens/list.js";
import { describeSheet } from "./screens/sheet.js";
import { ENLARGED, ShownPage, THEMES } from "./screens/show.js";
import { serveWeb } from "./static-server.js";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));
const MOST = 3_000_000;

describe("the contact sheet", () => {
  const pictures = readdirSync(join(DOCS, "screens"));

  it("has a picture of every screen, and of nothing else", () => {
    const ids = SCREENS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(pictures.sort(), ids.map((id) => `${id}.webp`).sort(), "scripts/contact-sheet takes them anew");
  });

  it("is what the list says", () => {
    assert.equal(readFileSync(join(DOCS, "screens.md"), "utf8"), describeSheet());
  });

  it("is small enough to be kept", () => {
    const bytes = pictures.reduce((sum, name) => sum + statSync(join(DOCS, "screens", name)).size, 0);
    assert.ok(bytes <= MOST, `${bytes} bytes`);
  });
});

/** Of the others, page.test.js, consultation.test.js and tests/browser/ hold each theme or one against the rules already. */
const LOOKED_AT = [
  "signin-level-too-low",
  "permission-refused",
  "call-settings",
  "call-poor-line",
  "call-screen",
  "message-too-old",
  "front",
];

/** What has most to show of each kind. */
const ENLARGED_SCREENS = [
  "signin-choose",
  "permission-refused",
  "self-test-poor",
  "lobby-messages",
  "lobby-consent",
  "call-grid",
  "doctor-people",
  "doctor-recording",
  "doctor-invited",
  "marked-prepare",
  "front",
  "admin",
  "sandbox",
];
/** What joins the call is called, by language. */
const JOINS = { "nb-NO": "Bli med", "nn-NO": "Bli med", "en-GB": "Join" };
/** How wide phones are: CSS pixels. */
const NARROW = [320, 360, 375, 390, 414];
/** And how wide and high on their side. */
const SIDEWAYS = [[667, 375], [780, 360], [844, 390]];
/** At 400 % one scrolls down in the call, as the rule has it. */
const SCROLLS = "the call is higher than its window";

describe("screens", () => {
  it("can be read and used at 200 and 400 percent, without scrolling sideways", async () => {
    const web = await serveWeb();
    const browser = await launch("chromium");
    try {
      for (const id of ENLARGED_SCREENS) {
        const view = await ShownPage.play(browser, web.origin, SCREENS.find((each) => each.id === id));
        for (const size of Object.keys(ENLARGED)) {
          await view.on(size, "light");
          const found = await faults(view.page);
          assert.deepEqual(found.filter((fault) => fault !== SCROLLS), [], `${id} at ${size}`);
        }
        await view.close();
      }
    } finally {
      await browser.close();
      web.close();
    }
  });

  it("keep the buttons of the call apart, and the words under them, on narrow phones in each language", async () => {
    const web = await serveWeb();
    const browser = await launch("chromium");
    try {
      for (const [language, join] of Object.entries(JOINS)) {
        const play = (view) => view.join(undefined, join);
        const view = await ShownPage.play(browser, web.origin, { id: "", title: "", language, play });
        for (const [width, height] of SIDEWAYS) {
          await view.devtools.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: true });
          const column = await view.page.$$eval(".toolbar .tool", (tools) => tools.map((tool) => tool.getBoundingClientRect()).map(({ top, bottom }) => [top, bottom]));
          assert.equal(column.length, 7);
          assert.ok(column.every(([top, bottom], index) => top >= (column[index - 1]?.[1] ?? 0) && bottom <= height), `${width}×${height}: ${column}`);
        }
        for (const seven of [true, false]) {
          await view.page.$eval(".toolbar .tool:nth-child(4)", (screen, shown) => (screen.hidden = !shown), seven);
          for (const width of NARROW) {
            await view.devtools.send("Emulation.setDeviceMetricsOverride", { width, height: 700, deviceScaleFactor: 1, mobile: true });
            for (const part of [".tool-icon", ".tool-word"]) {
              const distances = await view.page.$$eval(`.toolbar ${part}`, (parts) => {
                const extents = parts.filter((node) => node.checkVisibility()).map((node) => {
                  const range = document.createRange();
                  range.selectNodeContents(node);
                  const lines = node.matches(".tool-icon") ? [node.getBoundingClientRect()] : [...range.getClientRects()];
                  return { from: Math.min(...lines.map(({ left }) => left)), to: Math.max(...lines.map(({ right }) => right)) };
                });
                const ends = [{ to: 0 }, ...extents, { from: innerWidth }];
                return extents.length === 0 ? [] : ends.slice(1).map(({ from }, index) => from - ends[index].to);
              });
              assert.ok(distances.every((distance) => distance >= 2), `${part} at ${width}, ${language}: ${distances}`);
            }
          }
        }
        await view.close();
      }
    } finally {
      await browser.close();
      web.close();
    }
  });

  it("break the names of rooms at separators, on a phone too", async () => {
    const web = await serveWeb();
    const browser = await launch("chromium");
    try {
      const view = await ShownPage.play(browser, web.origin, SCREENS.find(({ id }) => id === "admin"));
      await view.on("phone", "light");
      const names = await view.page.$$eval(".long-name", (found) =>
        found.map((name) =>
          [...name.childNodes].filter((node) => node instanceof Text).map((part) => {
            const range = document.createRange();
            range.selectNodeContents(part);
            return [part.data, range.getClientRects().length];
          }),
        ),
      );
      const parts = names.flat();
      assert.deepEqual(parts.filter(([, lines]) => lines !== 1), []);
      assert.ok(parts.some(([part]) => part === "legevakt_"));
      await view.close();
    } finally {
      await browser.close();
      web.close();
    }
  });

  it("break no rule of accessibility and fit on a phone, in either theme", async () => {
    const web = await serveWeb();
    const browser = await launch("chromium");
    try {
      for (const id of LOOKED_AT) {
        const screen = SCREENS.find((each) => each.id === id);
        const view = await ShownPage.play(browser, web.origin, screen);
        for (const theme of THEMES) {
          await view.on("phone", theme);
          await view.accessible();
        }
        assert.deepEqual(await faults(view.page), [], id);
        await view.close();
      }
    } finally {
      await browser.close();
      web.close();
    }
  });
});
