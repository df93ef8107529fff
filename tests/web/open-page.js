/** The consultation page in a browser, over a bridge inside the page: what tests do with it and ask of it. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe } from "node:test";

import { launch, PATIENCE } from "../browser/launch.js";
import { named } from "../browser/named.js";
import { installDrawnMedia } from "./drawn-media.js";
import { installFakeBridge } from "./fake-bridge.js";
import { installFakeHttp } from "./fake-http.js";
import { protocolValidator } from "./schema.js";
import { serveWeb } from "./static-server.js";

const AXE = readFileSync(createRequire(new URL("../browser/package.json", import.meta.url)).resolve("axe-core"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
const SHOTS = process.env["BRIDGE_SCREENSHOTS"];
/** Which browsers a file's tests run in: both, or the one that the environment names. */
const BROWSERS = /** @type {("chromium" | "firefox")[]} */ (process.env["BRIDGE_BROWSER"]?.split(",") ?? ["chromium", "firefox"]);
/** What screens are looked at on: CSS pixels. */
export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

/**
 * Tests of the page in each browser. Each has a page of its own, which is taken at its beginning, and held against the
 * protocol and closed at its end.
 *
 * @param {string} title
 * @param {(eachPage: (take: (view: OpenPage) => void) => void, name: "chromium" | "firefox") => void} tests
 */
export function inBrowsers(title, tests) {
  for (const name of BROWSERS) {
    describe(`${title} in ${name}`, () => {
      let web;
      let browser;
      let view;

      before(async () => {
        web = await serveWeb();
        browser = await launch(name);
      });

      after(async () => {
        await browser?.close();
        web?.close();
      });

      /** @param {(view: OpenPage) => void} take */
      const eachPage = (take) => {
        beforeEach(async () => {
          view = await OpenPage.open(browser, web.origin, "Ola Nordmann");
          take(view);
        });

        afterEach(() => view.close());
      };

      tests(eachPage, name);
    });
  }
}

export class OpenPage {
  /** @type {Error[]} */
  errors = [];

  /**
   * @param {import("puppeteer-core").Browser} browser
   * @param {string} origin
   * @param {string} name of the token's owner
   * @param {string} [language] of the browser
   */
  static async open(browser, origin, name, language = "nb-NO") {
    const self = new this();
    self.origin = origin;
    self.page = await browser.newPage();
    self.page.setDefaultTimeout(PATIENCE);
    self.page.on("pageerror", (error) => self.errors.push(error));
    await self.page.setViewport(SIZES.desktop);
    await self.page.evaluateOnNewDocument(installDrawnMedia);
    await self.page.evaluateOnNewDocument(installFakeBridge);
    await self.page.evaluateOnNewDocument(installFakeHttp);
    await self.page.evaluateOnNewDocument((tag) => {
      Object.defineProperty(navigator, "languages", { get: () => [tag] });
    }, language);
    self.url = `${origin}/join#aaa.${Buffer.from(JSON.stringify({ name })).toString("base64url")}.bbb`;
    return self;
  }

  /** Opens the page; `prepare` runs in it before anything is joined. */
  async start(prepare, value) {
    await this.page.goto(this.url);
    await this.page.waitForSelector("h1", { visible: true });
    if (prepare) await this.page.evaluate(prepare, value);
    await this.until(() => document.querySelector(".preview video")?.videoWidth > 0);
    await this.press("Bli med");
  }

  until(condition, value) {
    return this.page.waitForFunction(condition, { polling: 50 }, value);
  }

  untilText(selector, text) {
    return this.until(
      ([where, what]) => [...document.querySelectorAll(where)].some((node) => node.checkVisibility() && node.textContent.includes(what)),
      [selector, text],
    );
  }

  press(label) {
    return named(this.page, label).click();
  }

  /** Does what the menu on somebody's entry in the roster offers. */
  async choose(id, action) {
    await this.page.locator(`[data-id="${id}"] summary`).click();
    await this.press(action);
  }

  /** The requests of a type that the page has sent. */
  sent(type) {
    return this.page.evaluate((wanted) => fakeBridge.received.filter((message) => message.type === wanted).map(({ id: _, ...rest }) => rest), type);
  }

  /** Over WebDriver BiDi no theme can be chosen, and axe takes ten times as long to read the same document. */
  get inFirefox() {
    return this.page.browser().process()?.spawnfile.includes("firefox") === true;
  }

  /** Holds what is shown against the accessibility rules. */
  async accessible() {
    // Half a megabyte of script: once a page.
    if (await this.page.evaluate(() => !("axe" in globalThis))) await this.page.evaluate(AXE);
    const problems = await this.page.evaluate(async (runOnly) => {
      const { violations } = await axe.run(document, { runOnly });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    }, RULES);
    assert.deepEqual(problems, []);
  }

  /** Holds a screen against the accessibility rules on each size in both themes, and keeps pictures where asked to. */
  async look(screen) {
    if (this.inFirefox && !SHOTS) return;
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const theme of this.inFirefox ? ["light"] : ["light", "dark"]) {
        await this.page.setViewport(viewport);
        if (!this.inFirefox) await this.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
        if (!this.inFirefox) await this.accessible();
        if (SHOTS) {
          mkdirSync(SHOTS, { recursive: true });
          await this.page.screenshot({ path: join(SHOTS, `${screen}-${size}-${theme}.png`) });
        }
      }
    }
    await this.page.setViewport(SIZES.desktop);
  }

  async close() {
    // As text: WebDriver BiDi cuts deep objects short.
    const said = JSON.parse(await this.page.evaluate(() => JSON.stringify({ received: fakeBridge.received, sent: fakeBridge.sent })));
    await this.page.close();
    assert.deepEqual(said.received.flatMap(protocolValidator("client")), [], "what the SDK sent");
    assert.deepEqual(said.sent.flatMap(protocolValidator("server")), [], "what the fake bridge sent");
    assert.deepEqual(this.errors, []);
  }
}
