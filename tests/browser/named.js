/**
 * Finds things by their accessible names, as people with a screen reader do.
 *
 * Chromium is asked for its accessibility tree. Firefox, over WebDriver BiDi, takes seconds for that on a page of ours,
 * so there what can be pressed is looked for in the page, by as much of how names are made as our pages use.
 */

/** What can be pressed, by role; by any of them where none is given. @type {Record<string, string>} */
const PRESSED = {
  button: "button, [role=button]",
  link: "a[href], [role=link]",
  "": "button, [role=button], a[href], [role=link], summary",
};

/**
 * A locator of what has an accessible name.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} label
 * @param {string} [role] any where it is empty
 * @param {string} [within] a CSS selector
 */
export function named(page, label, role = "button", within = "") {
  const kinds = PRESSED[role];
  const firefox = page.browser().process()?.spawnfile.includes("firefox") === true;
  if (firefox && kinds !== undefined) {
    const search = `return (${pressed})(...${JSON.stringify([label, kinds, within])})`;
    return page.locator(/** @type {() => HTMLElement} */ (new Function(search)));
  }
  return page.locator(`${within} ::-p-aria([name="${label}"]${role ? `[role="${role}"]` : ""})`.trim());
}

/** Runs in the page. @param {string} label @param {string} kinds @param {string} within */
function pressed(label, kinds, within) {
  /** @param {Node} node @returns {string} */
  const text = (node) => {
    if (node instanceof Text) return node.data;
    if (!(node instanceof Element) || node.ariaHidden === "true" || !node.checkVisibility()) return "";
    return node.ariaLabel ?? [...node.childNodes].map(text).join("");
  };
  // Of dialogues over one another the page has the upper one later.
  const dialog = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document;
  return [...dialog.querySelectorAll(kinds)].find(
    (found) =>
      found.checkVisibility({ visibilityProperty: true }) &&
      (within === "" || found.closest(within) !== null) &&
      found.closest("[inert]") === null &&
      text(found).trim().replace(/\s+/g, " ") === label,
  );
}
