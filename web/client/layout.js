/**
 * @typedef {object} Arrangement
 * @property {number} width of each tile, CSS pixels
 * @property {number} height of each tile, CSS pixels
 * @property {number} columns
 */

/**
 * @typedef {object} Place
 * @property {number} x from the left edge of the room for the tiles, CSS pixels
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

/** Tiles wider or narrower than this would show more frame than face. */
const WIDEST = 16 / 9;
const NARROWEST = 9 / 16;
/** What cameras give at least: a narrower tile cuts off the sides. */
const CAMERA = 4 / 3;
/** How much of what is cut off is missed: people sit in the middle, before a wall. */
const MISSED = 0.75;
/** How much of the width a strip beside the large tiles takes, or of the height below them; and at most, where many stand in it. */
const STRIP = { least: 0.24, most: 0.48, step: 0.04 };
/** In smaller tiles a name and what there is to press lie over the face: CSS pixels. */
const SMALLEST = { width: 96, height: 64 };

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
 * A few tiles large, and all the others in a strip: beside them where it is wide, else below. Everybody is seen.
 *
 * @param {number} large tiles, one or more
 * @param {number} small tiles
 * @param {number} width of the room for them, CSS pixels
 * @param {number} height
 * @param {number} gap between tiles
 * @returns {Place[]} the large ones first
 */
export function arrangeLarge(large, small, width, height, gap) {
  if (small === 0) return place(large, { x: 0, y: 0, width, height }, gap);
  const beside = width > height;
  const strip = chooseStrip(small, width, height, gap, beside);
  const used = beside ? strip.columns * (strip.width + gap) - gap : Math.ceil(small / strip.columns) * (strip.height + gap) - gap;
  const stage = { x: 0, y: 0, width: beside ? width - used - gap : width, height: beside ? height : height - used - gap };
  const rest = beside ? { x: width - used, y: 0, width: used, height } : { x: 0, y: height - used, width, height: used };
  return [...place(large, stage, gap), ...place(small, rest, gap)];
}

/**
 * The tiles of the narrowest strip in which they are not too small.
 *
 * @param {number} count
 * @param {number} width of all
 * @param {number} height
 * @param {number} gap
 * @param {boolean} beside the large ones, or below them
 * @returns {Arrangement}
 */
function chooseStrip(count, width, height, gap, beside) {
  let best = { width: 0, height: 0, columns: 1 };
  for (let share = STRIP.least; share <= STRIP.most; share += STRIP.step) {
    best = arrange(count, beside ? Math.floor(width * share) : width, beside ? height : Math.floor(height * share), gap);
    if (best.width >= SMALLEST.width && best.height >= SMALLEST.height) break;
  }
  return best;
}

/**
 * Equal tiles in the middle of an area, the last row too.
 *
 * @param {number} count
 * @param {Place} area
 * @param {number} gap
 * @returns {Place[]}
 */
function place(count, area, gap) {
  const { width, height, columns } = arrange(count, area.width, area.height, gap);
  const rows = Math.ceil(count / columns);
  const top = area.y + (area.height - rows * (height + gap) + gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = area.x + (area.width - inRow * (width + gap) + gap) / 2;
    return { x: Math.round(left + (index % columns) * (width + gap)), y: Math.round(top + row * (height + gap)), width, height };
  });
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
