/**
 * @typedef {string | Node | null | undefined | false} Child
 */

/**
 * Makes an element. Texts become text nodes: nothing is ever parsed as HTML.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | boolean | ((event: Event) => void) | undefined>} [attributes] functions under `onclick`
 *   and the like become listeners; `true` is an empty attribute, `false` and undefined none
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else setAttribute(node, name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string | boolean | undefined} value `true` is an empty attribute, `false` and undefined take it away
 */
export function setAttribute(node, name, value) {
  if (value === false || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

/**
 * Writes a text where it is another: screen readers announce live regions at each write.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
