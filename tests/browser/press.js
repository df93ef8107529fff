/**
 * Finds buttons by their accessible names, as people with a screen reader do.
 *
 * Chromium is asked for its accessibility tree. Firefox, over WebDriver BiDi, takes seconds for that on a page of ours,
 * so there the page is asked by `named`, which knows as much of how names are made as our pages use.
 */

/**
 * A locator of the button, or what acts as one, with an accessible name.
 *
 * @param {import("puppeteer-core").Page} page
 * @param {string} label
 */
export function button(page, label) {
  const firefox = page.browser().process()?.spawnfile.includes("firefox") === true;
  if (!firefox) return page.locator(`::-p-aria([name="${label}"][role="button"])`);
  return page.locator(/** @type {() => HTMLElement} */ (new Function(`return (${named})(${JSON.stringify(label)})`)));
}

/** Runs in the page. @param {string} label */
function named(label) {
  /** @param {Node} node @returns {string} */
  const text = (node) => {
    if (node instanceof Text) return node.data;
    if (!(node instanceof Element) || node.ariaHidden === "true" || !node.checkVisibility()) return "";
    return node.ariaLabel ?? [...node.childNodes].map(text).join("");
  };
  const dialog = document.querySelector("dialog:modal") ?? document;
  return [...dialog.querySelectorAll("button, [role=button]")].find(
    (found) =>
      found.checkVisibility({ visibilityProperty: true }) &&
      found.closest("[inert]") === null &&
      text(found).trim().replace(/\s+/g, " ") === label,
  );
}
