/** Names of rooms and nodes, which are long words to a browser. */
import { element } from "../dom.js";

/** A part of a name, with what ends it: in vendors' names, in UUIDs and in the names of machines. */
const PARTS = /[^/_.:-]*[/_.:-]+|[^/_.:-]+/g;

/**
 * A name that is broken where it reads well: behind a separator, and within a part only if that alone is too wide.
 *
 * @param {string} name
 */
export function breakable(name) {
  const parts = name.match(PARTS) ?? [];
  return element("span", { class: "long-name" }, ...parts.flatMap((part, index) => (index > 0 ? [element("wbr"), part] : [part])));
}
