/**
 * Takes every screen (or those named) on every device in both themes, and lays them out as docs/screens.md.
 *
 * `node tests/web/screens/take.js [--axe] [--only ID,ID] [--shots FOLDER]`
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { launch } from "../../browser/launch.js";
import { serveWeb } from "../static-server.js";
import { faults } from "./faults.js";
import { SCREENS } from "./list.js";
import { describeSheet, layOut } from "./sheet.js";
import { DEVICES, ShownPage, THEMES } from "./show.js";

const DOCS = fileURLToPath(new URL("../../../docs/", import.meta.url));

const { values } = parseArgs({
  options: {
    axe: { type: "boolean", default: false },
    only: { type: "string" },
    shots: { type: "string", default: "test-results/screens" },
  },
});
const wanted = values.only?.split(",");
const screens = SCREENS.filter(({ id }) => wanted === undefined || wanted.includes(id));
if (wanted && screens.length !== wanted.length) throw new Error(`--only names no screen: known are ${SCREENS.map(({ id }) => id).join(", ")}`);

mkdirSync(values.shots, { recursive: true });
const pictures = join(DOCS, "screens");
if (wanted === undefined) rmSync(pictures, { recursive: true, force: true });
mkdirSync(pictures, { recursive: true });

const web = await serveWeb();
const browser = await launch("chromium", { flags: ["--lang=nb-NO"], environment: { LANGUAGE: "nb_NO" } });
let bad = 0;
try {
  for (const screen of screens) bad += (await take(screen)).length;
} finally {
  await browser.close();
  web.close();
}
writeFileSync(join(DOCS, "screens.md"), describeSheet());
console.log(`${screens.length} screens, ${bad} faults`);
process.exitCode = bad > 0 ? 1 : 0;

/** @param {import("./list.js").Screen} screen */
async function take(screen) {
  const found = [];
  /** @type {Record<string, Buffer>} */
  const shots = {};
  let view;
  try {
    view = await ShownPage.play(browser, web.origin, screen);
    for (const device of Object.keys(DEVICES)) {
      for (const theme of THEMES) {
        await view.on(/** @type {keyof typeof DEVICES} */ (device), theme);
        await screen.settle?.(view);
        const shot = await view.page.screenshot({ captureBeyondViewport: false });
        shots[`${device}-${theme}`] = Buffer.from(shot);
        writeFileSync(join(values.shots, `${screen.id}-${device}-${theme}.png`), shot);
        const problems = theme === "light" ? await faults(view.page) : [];
        if (values.axe) await view.accessible().catch((error) => problems.push(String(error.message)));
        found.push(...problems.map((problem) => `${screen.id} ${device} ${theme}: ${problem}`));
      }
    }
  } catch (error) {
    found.push(`${screen.id}: ${error.stack}`);
  }
  await view?.close().catch((error) => found.push(`${screen.id}: ${error.message}`));
  if (Object.keys(shots).length === Object.keys(DEVICES).length * THEMES.length) {
    writeFileSync(join(pictures, `${screen.id}.webp`), await layOut(browser, shots));
  }
  for (const problem of found) console.log(problem);
  return found;
}
