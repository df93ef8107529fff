/** The contact sheet: for each screen one picture with all devices and both themes, and a page that shows them. */
import { GROUPS } from "./list.js";
import { THEMES } from "./show.js";

/** From left to right, and how high each stands there: CSS pixels. */
const ROW = { desktop: 300, tablet: 300, phone: 300, side: 150 };

/**
 * @param {import("puppeteer-core").Browser} browser
 * @param {Record<string, Buffer>} shots PNG files by `DEVICE-THEME`
 * @returns {Promise<Uint8Array>} a WebP file
 */
export async function layOut(browser, shots) {
  const rows = THEMES.map((theme) => {
    const cells = Object.entries(ROW).map(
      ([device, height]) => `<img height="${height}" src="data:image/png;base64,${shots[`${device}-${theme}`]?.toString("base64")}">`,
    );
    return `<div>${cells.join("")}</div>`;
  });
  const style = "body{margin:0}main{display:inline-grid;gap:12px;padding:12px;background:#9aa3a5}div{display:flex;gap:12px;align-items:start}img{border-radius:4px}";
  const page = await browser.newPage();
  try {
    await page.setViewport({ width: 1300, height: 700 });
    await page.setContent(`<style>${style}</style><main>${rows.join("")}</main>`);
    const main = await page.waitForSelector("main");
    if (main === null) throw new Error("the sheet has no main");
    return await main.screenshot({ type: "webp", quality: 60 });
  } finally {
    await page.close();
  }
}

/** @returns {string} docs/screens.md */
export function describeSheet() {
  const parts = GROUPS.map(({ title, screens }) =>
    [`## ${title}`, ...screens.map((screen) => `### ${screen.title}\n![${screen.title}](screens/${screen.id}.webp)`)].join("\n\n"),
  );
  return `# Every screen

What people see, on a desktop, a tablet, a phone upright and a phone on its side, light above and dark below. The texts are in
bokmål where nothing else is said. \`scripts/contact-sheet\` takes these pictures anew; \`tests/web/screens/\` lists the screens and
how each is played.

${parts.join("\n\n")}
`;
}
