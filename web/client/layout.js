/**
 * @typedef {object} Arrangement
 * @property {number} width of each tile, CSS pixels
 * @property {number} height of each tile, CSS pixels
 * @property {number} columns
 */

/** Tiles wider or narrower than this would show more frame than face. */
const WIDEST = 16 / 9;
const NARROWEST = 9 / 16;
/** What cameras give at least: a narrower tile cuts off the sides. */
const CAMERA = 4 / 3;
/** How much of what is cut off is missed: people sit in the middle, before a wall. */
const MISSED = 0.75;

/**
 * The equal tiles that fit and show the most of each camera's picture.
 *
 * @param {number} count tiles
 * @param {number} width of the room for them, CSS pixels
 * @param {number} height
 * @param {number} gap between tiles
 * @returns {Arrangement}
 */
export function arrange(count, width, height, gap) {
  /** @type {Arrangement} */
  let best = { width: 0, height: 0, columns: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    const tile = {
      width: Math.floor(Math.min(cellWidth, cellHeight * WIDEST)),
      height: Math.floor(Math.min(cellHeight, cellWidth / NARROWEST)),
      columns,
    };
    if (shown(tile) > shown(best)) best = tile;
  }
  return best;
}

/**
 * The area of a tile, less what is missed of a picture that fills it.
 *
 * @param {Arrangement} tile
 */
function shown({ width, height }) {
  if (height === 0) return 0;
  const cutOff = Math.max(0, 1 - width / height / CAMERA);
  return width * height * (1 - MISSED * cutOff);
}

/**
 * The letters that stand for someone without a picture.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = [words[0] ?? "", words.length > 1 ? (words.at(-1) ?? "") : ""].map((word) => [...word][0] ?? "");
  return letters.join("").toLocaleUpperCase();
}
