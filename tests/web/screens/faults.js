/** What can be told of a screen without looking at it: what does not fit, is cut off, or cannot be pressed. */

/** Smaller is hard to hit with a finger: CSS pixels (WCAG 2.5.5). */
const SMALLEST = 44;

/**
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<string[]>} in words
 */
export function faults(page) {
  return page.evaluate((smallest) => {
    const found = [];
    const called = (node) => `<${node.tagName.toLowerCase()} class="${node.className}"> “${(node.ariaLabel ?? node.textContent).trim().slice(0, 40)}”`;
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} pixels wide in a window of ${root.clientWidth}`);
    if (document.querySelector("main.call") && root.scrollHeight > root.clientHeight) found.push("the call is higher than its window");
    const modal = document.querySelector("dialog:modal");
    const top = modal ?? document.body;
    for (const node of top.querySelectorAll("button, summary, a[href], select, input")) {
      if (!node.checkVisibility({ visibilityProperty: true })) continue;
      const before = node.getBoundingClientRect();
      if (before.width < smallest - 0.5 || before.height < smallest - 0.5) {
        const label = node.labels?.[0]?.getBoundingClientRect();
        if (!(label && label.height + before.height >= smallest)) found.push(`${called(node)} is ${Math.round(before.width)}×${Math.round(before.height)}`);
      }
      const scrolled = [];
      for (let box = node.parentElement; box; box = box.parentElement) scrolled.push([box, box.scrollTop, box.scrollLeft]);
      node.scrollIntoView({ block: "nearest" });
      const { left, top: above, width, height } = node.getBoundingClientRect();
      if (Math.floor(left) < 0 || Math.ceil(left + width) > innerWidth + 1) found.push(`${called(node)} is partly outside the window`);
      const hit = document.elementFromPoint(left + width / 2, above + height / 2);
      if (hit === null) found.push(`${called(node)} is outside the window`);
      // An open menu lies over what is behind it for as long as it is open.
      else if (!node.contains(hit) && !hit.contains(node) && hit.closest(".menu[open]") === null) found.push(`${called(node)} is covered by ${called(hit)}`);
      for (const [box, y, x] of scrolled) Object.assign(box, { scrollTop: y, scrollLeft: x });
    }
    for (const node of top.querySelectorAll("h1, h2, h3, p, button, span, li, dt, dd, label, summary")) {
      if (!node.checkVisibility({ visibilityProperty: true }) || node.children.length > 0) continue;
      const { overflowX, textOverflow } = getComputedStyle(node);
      // Of a long name the beginning will do.
      if (textOverflow === "ellipsis" && !node.matches(".tile-name") && node.scrollWidth > node.clientWidth) found.push(`${called(node)} is cut off`);
      else if (overflowX === "visible" && node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline") found.push(`${called(node)} runs over its box`);
    }
    return found;
  }, SMALLEST);
}
