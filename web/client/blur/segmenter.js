/** What the model takes and gives, pixels: a picture of any shape is squeezed into it. */
const SIZE = { width: 256, height: 256 };
/** How sure the model must be that somebody is there: below the first, all is background; above the second, nothing is. */
const UNSURE = 0.35;
const SURE = 0.75;
/** How much of the mask before stays, so that edges do not flicker. */
const INERTIA = 0.35;

/**
 * Finds people in pictures, on the device itself, in a worker: the model of MediaPipe Selfie Segmentation, run by LiteRT.
 */
export class Segmenter {
  #litert;
  #model;
  #small = new OffscreenCanvas(SIZE.width, SIZE.height);
  #smallContext = /** @type {OffscreenCanvasRenderingContext2D} */ (this.#small.getContext("2d", { willReadFrequently: true }));
  #input = new Float32Array(SIZE.width * SIZE.height * 3);
  #mask = new OffscreenCanvas(SIZE.width, SIZE.height);
  #maskContext = /** @type {OffscreenCanvasRenderingContext2D} */ (this.#mask.getContext("2d"));
  #alpha = new ImageData(SIZE.width, SIZE.height);
  /** The mask before, 0 to 1. */
  #before = new Float32Array(SIZE.width * SIZE.height);

  /** @param {any} litert @param {any} model */
  constructor(litert, model) {
    this.#litert = litert;
    this.#model = model;
  }

  /**
   * @param {string} folder URL of what `scripts/web-packages` lays out
   * @returns {Promise<Segmenter>}
   */
  static async load(folder) {
    const litert = await import(`${folder}litert.js`);
    // Its loader looks for the rest beside itself, and not beside the worker; and a page's console is not for its diary.
    const locateFile = (/** @type {string} */ name) => folder + name;
    Object.assign(globalThis, { Module: { locateFile, print: () => {}, printErr: () => {} } });
    await litert.loadLiteRt(folder);
    return new Segmenter(litert, await litert.loadAndCompile(`${folder}selfie_segmentation.tflite`, { accelerator: "wasm" }));
  }

  /**
   * @param {CanvasImageSource} picture
   * @returns {Promise<OffscreenCanvas>} opaque where people are, to be stretched over the picture
   */
  async mask(picture) {
    const { width, height } = SIZE;
    this.#smallContext.drawImage(picture, 0, 0, width, height);
    const { data } = this.#smallContext.getImageData(0, 0, width, height);
    const input = this.#input;
    for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
      input[to] = /** @type {number} */ (data[from]) / 255;
      input[to + 1] = /** @type {number} */ (data[from + 1]) / 255;
      input[to + 2] = /** @type {number} */ (data[from + 2]) / 255;
    }
    const tensor = new this.#litert.Tensor(input, [1, height, width, 3]);
    const [output] = await this.#model.run([tensor]);
    this.#setAlpha(output.toTypedArray());
    tensor.delete();
    output.delete();
    return this.#mask;
  }

  /** @param {Float32Array} people how likely each pixel is of somebody */
  #setAlpha(people) {
    const before = this.#before;
    const alpha = this.#alpha.data;
    for (let index = 0; index < before.length; index += 1) {
      const likely = (1 - INERTIA) * /** @type {number} */ (people[index]) + INERTIA * /** @type {number} */ (before[index]);
      before[index] = likely;
      alpha[index * 4 + 3] = (255 * (likely - UNSURE)) / (SURE - UNSURE);
    }
    this.#maskContext.putImageData(this.#alpha, 0, 0);
  }
}
