import { Verdict } from "./verdict.js";

/** Where a line carries less than sound in short frames and the smallest picture take, with headers, and some more: bit/s. */
const BELOW = 110_000;
/** From here on short frames cost nothing that a picture would miss. */
const FROM = 160_000;
/** Measurements in a row that have to say so. */
const SURE = 2;

/**
 * Whether sound had better come in frames longer than 20 ms, of which each loss takes more with it, and by fewer bits. The
 * headers of 50 packets a second are as much as speech itself, and browsers never estimate a line at less than both and the
 * smallest picture need: below 85 kbit/s or so they go on all the same, the queue before the line stays full, and what it
 * does not take is lost.
 */
export class LongFrames {
  #verdict = new Verdict();

  get wanted() {
    return this.#verdict.yes;
  }

  /**
   * Takes in a measurement.
   *
   * @param {number} available bit/s for all that is sent
   * @returns {boolean} whether `wanted` has changed
   */
  measure(available) {
    return this.#verdict.take(available < (this.wanted ? FROM : BELOW), SURE);
  }
}
