/**
 * @typedef {object} Arrangement
 * @property {number} width of each tile, CSS pixels
 * @property {number} height of each tile, CSS pixels
 */

/** Tiles wider or narrower than this would show more frame than face. */
const WIDEST = 16 / 9;
const NARROWEST = 9 / 16;

/**
 * The largest equal tiles that fit.
 *
 * @param {number} count tiles
 * @param {number} width of the room for them, CSS pixels
 * @param {number} height
 * @param {number} gap between tiles
 * @returns {Arrangement}
 */
export function arrange(count, width, height, gap) {
  /** @type {Arrangement} */
  let best = { width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    const tile = {
      width: Math.floor(Math.min(cellWidth, cellHeight * WIDEST)),
      height: Math.floor(Math.min(cellHeight, cellWidth / NARROWEST)),
    };
    if (tile.width * tile.height > best.width * best.height) best = tile;
  }
  return best;
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
