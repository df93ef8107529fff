/**
 * Starts the Debian packages of Chromium and Firefox, headless, with fake cameras and microphones.
 *
 * Both are driven by puppeteer-core: Chromium over its own protocol, Firefox over WebDriver BiDi. Nothing is
 * downloaded; `BROWSER_CHROMIUM` and `BROWSER_FIREFOX` name other binaries where the packages lie elsewhere.
 */
import puppeteer from "puppeteer-core";

const CHROMIUM = process.env.BROWSER_CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.BROWSER_FIREFOX ?? "/usr/bin/firefox-esr";

const CHROMIUM_FLAGS = [
  // The tests run as root in containers, where Chromium's own sandbox cannot start.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  // Fake devices: a green picture with a clock and a beep each second; permission prompts answer themselves.
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  // Host candidates with addresses instead of mDNS names: nothing here answers mDNS.
  "--disable-features=WebRtcHideLocalIpsWithMdns,Translate,MediaRouter,OptimizationHints",
  // Tabs in the background keep their timers and their frames: several participants share one browser.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  // No traffic of the browser's own.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-first-run",
  "--no-default-browser-check",
];

/** @type {Record<string, boolean | number | string>} */
const FIREFOX_PREFERENCES = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  // Its H.264 encoder is a plugin that would be downloaded.
  "media.gmp-manager.updateEnabled": false,
  "media.gmp-gmpopenh264.enabled": false,
  // Background tabs keep their timers: several participants share one browser.
  "dom.min_background_timeout_value": 4,
  "dom.timeout.enable_budget_timer_throttling": false,
  "dom.suspend_inactive.enabled": false,
  "widget.windows.window_occlusion_tracking.enabled": false,
  // No traffic of the browser's own.
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.newtabpage.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.systemAddon.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "",
  "toolkit.telemetry.enabled": false,
};

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
      args: [...before, ...CHROMIUM_FLAGS, ...flags],
      env,
    });
  }
  return puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    acceptInsecureCerts: true,
    args: before,
    extraPrefsFirefox: { ...FIREFOX_PREFERENCES, ...preferences },
    env,
  });
}
