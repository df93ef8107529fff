import { rate } from "./statistics.js";

/** @import { RemoteParticipant } from "./participant.js" */
/** @import { QualityLevel } from "./protocol.js" */
/** @import { Statistics } from "./statistics.js" */

/** @typedef {0 | 1 | 2 | 3 | null} Quality */

/** Between two measurements: milliseconds. */
const INTERVAL = 2_000;

/** Measures each few seconds how well everyone's media arrives, and one's own at the bridge. */
export class QualityMonitor {
  #timer;
  #stopped = false;

  /**
   * @param {() => Promise<Statistics>} measure
   * @param {(statistics: Statistics) => void} measured
   */
  constructor(measure, measured) {
    this.#timer = setInterval(async () => {
      const statistics = await measure();
      if (!this.#stopped) measured(statistics);
    }, INTERVAL);
  }

  close() {
    this.#stopped = true;
    clearInterval(this.#timer);
  }
}

/**
 * How well a participant is received: as its worst source is; null where nothing is expected of it.
 *
 * @param {RemoteParticipant} participant
 * @param {Statistics} statistics
 * @returns {Quality}
 */
export function rateParticipant(participant, { received }) {
  /** @type {Quality} */
  let worst = null;
  for (const source of participant.sources.values()) {
    const figures = received.get(source.id);
    if (figures === undefined || source.muted || source.paused) continue;
    const rating = rate(figures);
    if (worst === null || rating < worst) worst = rating;
  }
  return worst;
}

/**
 * The bridge's word as a number.
 *
 * @param {QualityLevel | null} level
 * @returns {Quality}
 */
export function levelOf(level) {
  if (level === null) return null;
  return /** @type {const} */ ({ lost: 0, poor: 1, good: 2, excellent: 3 })[level];
}

/**
 * The worse of two; what is unknown says nothing.
 *
 * @param {Quality} one
 * @param {Quality} other
 * @returns {Quality}
 */
export function worse(one, other) {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

/**
 * How well one's own media reaches the bridge, as far as the bridge reports loss.
 *
 * @param {Statistics} statistics
 * @param {ReadonlySet<string>} [twice] ids of sources of which what is lost comes by another way, and is reported as lost all the same
 * @returns {Quality}
 */
export function rateSending({ publish, sent }, twice = new Set()) {
  if (publish === null || sent.size === 0) return null;
  // What is missing in the end has to be lost both times.
  const lost = Math.max(...[...sent].map(([id, figures]) => (twice.has(id) ? figures.lost ** 2 : figures.lost)));
  const roundTrip = publish.roundTrip ?? 0;
  if (lost > 0.08 || roundTrip > 0.6) return 1;
  if (lost > 0.02 || roundTrip > 0.3) return 2;
  return 3;
}
