/** How many pixels the longer side of a background has left: enough for light and colour, too few for faces and letters. */
const REMAINING = 40;

/** Draws people over a background that is blurred. Without filters, which not every browser's canvas has. */
export class Compositor {
  #picture = new OffscreenCanvas(1, 1);
  #context = contextOf(this.#picture);
  /** From half the size down, each half of the one before. @type {OffscreenCanvas[]} */
  #halves = [];

  /**
   * @param {CanvasImageSource} source
   * @param {number} width pixels
   * @param {number} height
   * @param {OffscreenCanvas | null} mask opaque where people are; null: all is blurred
   * @returns {OffscreenCanvas} drawn anew by the next call
   */
  draw(source, width, height, mask) {
    if (this.#picture.width !== width || this.#picture.height !== height) this.#resize(width, height);
    const context = this.#context;
    context.globalCompositeOperation = "copy";
    if (mask !== null) {
      context.drawImage(mask, 0, 0, width, height);
      context.globalCompositeOperation = "source-in";
      context.drawImage(source, 0, 0, width, height);
      context.globalCompositeOperation = "destination-over";
    }
    context.drawImage(this.#blurred(source), 0, 0, width, height);
    return this.#picture;
  }

  /** @param {number} width @param {number} height */
  #resize(width, height) {
    Object.assign(this.#picture, { width, height });
    this.#halves = [];
    let [halfWidth, halfHeight] = [width, height];
    do {
      [halfWidth, halfHeight] = [Math.max(1, Math.round(halfWidth / 2)), Math.max(1, Math.round(halfHeight / 2))];
      this.#halves.push(new OffscreenCanvas(halfWidth, halfHeight));
    } while (Math.max(halfWidth, halfHeight) > REMAINING);
  }

  /**
   * Half by half down, and half by half up again: each step smooths, so that no edges of pixels are left.
   *
   * @param {CanvasImageSource} source
   */
  #blurred(source) {
    let from = source;
    for (const half of this.#halves) from = drawn(from, half);
    for (const half of this.#halves.slice(0, -1).reverse()) from = drawn(from, half);
    return from;
  }
}

/**
 * @param {CanvasImageSource} source
 * @param {OffscreenCanvas} canvas
 */
function drawn(source, canvas) {
  const context = contextOf(canvas);
  context.globalCompositeOperation = "copy";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** @param {OffscreenCanvas} canvas */
function contextOf(canvas) {
  return /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
