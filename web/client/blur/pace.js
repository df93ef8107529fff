/** Pictures a second, the first that is tried first. */
export const RATES = [30, 20, 12, 8];
/** How much of the time may go into pictures: the rest is for the call. */
const SHARE = 0.75;
/** How long one looks before one decides: milliseconds. */
const WINDOW = 3_000;
/** Windows in a row with ease, after which more is tried. */
const EASY_WINDOWS = 5;
/** Windows in a row at the lowest rate in which not even that was kept, after which one gives up. */
const HOPELESS_WINDOWS = 3;

/** How many pictures a second a device makes: fewer when each takes long, and none when it cannot. Times are milliseconds. */
export class Pace {
  #step = 0;
  #last = -Infinity;
  #windowBegan = 0;
  /** @type {number[]} */
  #took = [];
  #easy = 0;
  #hopeless = 0;

  /** Pictures a second. */
  get rate() {
    return /** @type {number} */ (RATES[this.#step]);
  }

  /** Whether the device cannot do it. */
  get hopeless() {
    return this.#hopeless >= HOPELESS_WINDOWS;
  }

  /** How long from `now` until the next picture. @param {number} now */
  until(now) {
    return Math.max(0, this.#last + 1000 / this.rate - now);
  }

  /**
   * Whether a picture that comes now is to be made, and not left out.
   *
   * @param {number} now
   */
  due(now) {
    // Cameras are not punctual: what comes a little early is not to wait for the next one.
    if (this.until(now) > 250 / this.rate) return false;
    // Counted from when it was due, so that the rate is kept; but what was missed is not made up for.
    this.#last = Math.max(this.#last + 1000 / this.rate, now - 1000 / this.rate);
    return true;
  }

  /**
   * @param {number} milliseconds that a picture took
   * @param {number} now
   */
  took(milliseconds, now) {
    if (this.#took.length === 0) this.#windowBegan = now - milliseconds;
    this.#took.push(milliseconds);
    if (now - this.#windowBegan < WINDOW) return;
    const middle = /** @type {number} */ (this.#took.sort((one, other) => one - other)[this.#took.length >> 1]);
    this.#took = [];
    this.#decide(middle);
  }

  /** @param {number} middle of what pictures took */
  #decide(middle) {
    const lowest = this.#step === RATES.length - 1;
    this.#hopeless = lowest && middle * this.rate > 1000 ? this.#hopeless + 1 : 0;
    if (middle * this.rate > 1000 * SHARE) {
      this.#easy = 0;
      if (!lowest) this.#step += 1;
      return;
    }
    const higher = RATES[this.#step - 1];
    this.#easy = higher !== undefined && middle * higher < 1000 * SHARE * 0.8 ? this.#easy + 1 : 0;
    if (this.#easy < EASY_WINDOWS) return;
    this.#easy = 0;
    this.#step -= 1;
  }
}
