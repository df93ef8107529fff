/** @import { Delivery } from "./protocol.js" */

/** What pictures may take: bit/s, and frames a second. @typedef {{ bitrate: number, frames: number }} Bound */

/**
 * `lost`: the share of what was sent that the bridge reports as lost, 0 to 1, of the source worst off; `lostAtFirst`: of all that was sent,
 * before anything was sent again; `roundTrip` in seconds; `available`: bit/s for all that is sent, null where the browser does not say.
 *
 * @typedef {{ available: number | null, lost: number, lostAtFirst: number, roundTrip: number | null }} Measurement
 */

/**
 * How much of one's pictures is sent, best first.
 *
 * @type {readonly (Bound & { upload: Delivery })[]}
 */
const LEVELS = [
  { upload: "full", bitrate: Infinity, frames: Infinity },
  { upload: "reduced", bitrate: 20_000, frames: 4 },
  { upload: "stills", bitrate: 12_000, frames: 1 },
  { upload: "paused", bitrate: 0, frames: 0 },
];
const STILLS = 2;
/**
 * Chromium takes no line for less than what it sends at the least: 84 kbit/s with sound in short frames, 50 in long ones. So an
 * estimate this low says that the line is thin, not how thin: a queue of so many seconds before it does, or loss. Where nobody
 * estimates, it takes both.
 */
const THIN = 90_000;
const QUEUED = 0.3;
const LOSSY = 0.05;
/** Loss by itself says so once little is sent, too, where the estimate stays at the least: else it is the line's own. */
const LEAST = 52_000;
/** Measurements in a row that have to say that a level is too much, and how many more after a worse one was begun: the queue has to run dry. */
const SURE = 2;
const DRAINING = 1;
/** After so many without that, the next better level is tried, … */
const CALM = 4;
/** … and after twice as many each time that it was too much before `TRIAL` of them, up to this. */
const MOST_CALM = 30;
const TRIAL = 6;

/**
 * How much of one's pictures one's own line carries beside the sound, which comes first. Browsers by themselves go on with the
 * smallest picture where the line does not carry it: the queue before the line stays full, and sound is lost with the picture.
 *
 * What the line would carry beyond what is sent nobody knows: better levels are tried, one at a time, later each time
 * that it was too much.
 */
export class ThinUpload {
  #level = 0;
  #short = 0;
  #calm = 0;
  /** How long calm has to last before each level is tried. */
  #patience = LEVELS.map(() => CALM);
  #tries = false;
  #leastRoundTrip = Infinity;

  /** @returns {Delivery} */
  get upload() {
    return this.#now.upload;
  }

  /** What all pictures together may take. @returns {Bound} */
  get bound() {
    return this.#now;
  }

  get #now() {
    return /** @type {typeof LEVELS[number]} */ (LEVELS[this.#level]);
  }

  /**
   * Takes in a measurement.
   *
   * @param {Measurement} measured
   * @returns {boolean} whether `upload` has changed
   */
  measure(measured) {
    if (measured.roundTrip !== null) this.#leastRoundTrip = Math.min(this.#leastRoundTrip, measured.roundTrip);
    if (this.#isTooMuch(measured)) return this.#endure(measured.lost > LOSSY);
    this.#short = 0;
    this.#calm += 1;
    if (this.#calm === TRIAL) this.#patience[this.#level] = CALM;
    const better = this.#level - 1;
    if (this.#calm < (this.#patience[better] ?? Infinity)) return false;
    this.#become(better, true);
    return true;
  }

  /** @param {Measurement} measured */
  #isTooMuch({ available, lost, roundTrip }) {
    if (this.#level === LEVELS.length - 1) return false;
    const queued = (roundTrip ?? 0) > this.#leastRoundTrip + QUEUED;
    if (available === null) return queued && lost > LOSSY;
    return available < THIN && (queued || (lost > LOSSY && (this.#level === 0 || available < LEAST)));
  }

  /** @param {boolean} lossy whether sound is lost meanwhile */
  #endure(lossy) {
    this.#short += 1;
    if (this.#short < SURE) return false;
    if (this.#tries && this.#calm < TRIAL) this.#patience[this.#level] = Math.min(MOST_CALM, 2 * (this.#patience[this.#level] ?? 0));
    this.#become(Math.max(this.#level + 1, lossy ? STILLS : 0), false);
    return true;
  }

  /**
   * @param {number} level
   * @param {boolean} tries
   */
  #become(level, tries) {
    this.#level = level;
    this.#tries = tries;
    this.#short = tries ? 0 : -DRAINING;
    this.#calm = 0;
  }
}
