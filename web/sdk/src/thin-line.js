import { Verdict } from "./verdict.js";

/** What an encoding takes at least in browsers before they send it beside smaller ones: this part of its usual rate. */
export const START = 0.4;
/** The part of that from which it looks better than the next smaller one alone, and below which it no longer does. */
const WORTH = 0.85;
const WORTHLESS = 0.7;
/** Below this it is left at once: what lasts for a moment is worth no change, which is a standstill of its own. */
const HOPELESS = 0.45;
/** A line that carries all has to carry so much more, so that it does not change back and forth. */
const SPARE = 1.05;
/** Measurements in a row that have to say so. */
const SURE = 2;

/** @typedef {{ active: boolean, spare: boolean, bitrate: number, usual: number }} Wanted `bitrate`: what it may take; bit/s */

/**
 * Whether one's own line is too thin for all encodings of a video that are wanted, and better spent on those alone that
 * nobody can do without. Browsers fill the smallest first, and what is left is lost: of 240 kbit/s for pictures of 180 and
 * 360 lines they make one of 180 lines at 110 kbit/s, and padding.
 */
export class ThinLine {
  #verdict = new Verdict();

  get thin() {
    return this.#verdict.yes;
  }

  /**
   * Takes in a measurement.
   *
   * @param {number} available bit/s for this video
   * @param {readonly Wanted[]} encodings smallest first
   * @returns {boolean} whether `thin` has changed
   */
  measure(available, encodings) {
    const hopeless = this.thin && worth(available, encodings) < HOPELESS;
    return this.#verdict.take(this.#judge(available, encodings), hopeless ? 1 : SURE);
  }

  /**
   * @param {number} available
   * @param {readonly Wanted[]} encodings
   */
  #judge(available, encodings) {
    if (worth(available, encodings) < (this.thin ? WORTHLESS : WORTH)) return false;
    const active = encodings.filter((encoding) => encoding.active);
    const largest = /** @type {Wanted} */ (active.at(-1));
    const all = active.slice(0, -1).reduce((sum, { bitrate }) => sum + bitrate, largest.usual * START);
    return available < (this.thin ? all * SPARE : all);
  }
}

/**
 * How well the line carries the smallest encoding that is needed, 1 being what it takes at least; 0 where nothing smaller
 * could be left out for it.
 *
 * @param {number} available
 * @param {readonly Wanted[]} encodings
 */
function worth(available, encodings) {
  const needed = encodings.findIndex(({ active, spare }) => active && !spare);
  const smallest = encodings.findIndex(({ active }) => active);
  return needed > smallest ? available / (/** @type {Wanted} */ (encodings[needed]).usual * START) : 0;
}
