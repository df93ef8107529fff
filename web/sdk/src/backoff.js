/**
 * @typedef {object} BackoffOptions
 * @property {number} [initial] milliseconds before the second try
 * @property {number} [factor]
 * @property {number} [maximum] milliseconds
 * @property {() => number} [random] uniform in [0, 1)
 */

/**
 * Exponential back-off with jitter: how long to wait before the next try.
 *
 * Half of each delay is fixed and half is random, so that the clients of a bridge that was restarted do not come back
 * all at once, and none of them hammers it.
 */
export class Backoff {
  #initial;
  #factor;
  #maximum;
  #random;
  #tries = 0;

  /** @param {BackoffOptions} [options] */
  constructor({ initial = 500, factor = 2, maximum = 10_000, random = Math.random } = {}) {
    this.#initial = initial;
    this.#factor = factor;
    this.#maximum = maximum;
    this.#random = random;
  }

  /** How many delays were given since the last reset. */
  get tries() {
    return this.#tries;
  }

  /** Milliseconds to wait now. The first try after a reset waits not at all but for a little jitter. */
  next() {
    const tries = this.#tries;
    this.#tries += 1;
    if (tries === 0) return this.#random() * (this.#initial / 2);
    const delay = Math.min(this.#initial * this.#factor ** (tries - 1), this.#maximum);
    return delay / 2 + this.#random() * (delay / 2);
  }

  /** It worked: the next trouble starts from the beginning. */
  reset() {
    this.#tries = 0;
  }
}
