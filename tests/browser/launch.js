/**
 * Starts the Debian packages of Chromium and Firefox, headless, with fake cameras and microphones.
 *
 * Both are driven by puppeteer-core: Chromium over its own protocol, Firefox over WebDriver BiDi. Nothing is
 * downloaded; `BROWSER_CHROMIUM` and `BROWSER_FIREFOX` name other binaries where the packages lie elsewhere.
 */
import { readFileSync } from "node:fs";
import puppeteer from "puppeteer-core";

const CHROMIUM = process.env.BROWSER_CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.BROWSER_FIREFOX ?? "/usr/bin/firefox-esr";

/** What the load tester starts them with, too. */
const SETTINGS = new URL("../../loadtest/participants/browsers/settings.json", import.meta.url);
/**
 * @type {{
 *   chromium: { why: string, flags: string[] }[],
 *   firefox: { why: string, preferences: Record<string, boolean | number | string> }[],
 * }}
 */
const { chromium, firefox } = JSON.parse(readFileSync(SETTINGS, "utf8"));
const CHROMIUM_FLAGS = chromium.flatMap(({ flags }) => flags);
/** @type {Record<string, boolean | number | string>} */
const FIREFOX_PREFERENCES = Object.assign(
  { "media.peerconnection.ice.loopback": true },
  ...firefox.map(({ preferences }) => preferences),
);
/** Milliseconds that a browser may take to start, and a page for whatever it is to do: a busy machine is not a broken one. */
export const PATIENCE = 120_000;

/**
 * @typedef {object} LaunchOptions
 * @property {string[]} [flags] more command line flags (Chromium only)
 * @property {Record<string, boolean | number | string>} [preferences] more preferences (Firefox only)
 * @property {Record<string, string>} [environment] variables besides the process's own
 * @property {string[]} [wrapper] a command that runs the browser, e.g. `["ip", "netns", "exec", "patient"]`
 */

/**
 * Starts a browser of its own profile. The caller closes it.
 *
 * @param {"chromium" | "firefox"} name
 * @param {LaunchOptions} [options]
 * @returns {Promise<import("puppeteer-core").Browser>}
 */
export async function launch(name, { flags = [], preferences = {}, environment = {}, wrapper = [] } = {}) {
  const env = { ...process.env, ...environment };
  const binary = name === "chromium" ? CHROMIUM : FIREFOX;
  const [executablePath, ...before] = wrapper.length > 0 ? [...wrapper, binary] : [binary];
  if (executablePath === undefined) throw new Error("no browser to run");
  if (name === "chromium") {
    return puppeteer.launch({
      browser: "chrome",
      executablePath,
      headless: true,
      acceptInsecureCerts: true,
      timeout: PATIENCE,
      args: [...before, ...CHROMIUM_FLAGS, ...flags],
      env,
    });
  }
  return puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    acceptInsecureCerts: true,
    timeout: PATIENCE,
    args: before,
    extraPrefsFirefox: { ...FIREFOX_PREFERENCES, ...preferences },
    env,
  });
}
