import { Verdict } from "./verdict.js";

/** From this share of lost packets on sound is repeated, and below that for a while no longer: 0 to 1. */
const FROM = 0.015;
const BELOW = 0.005;
/** Measurements in a row that have to say so. */
const SURE = 2;
const SURE_NO_LONGER = 15;
/** A line that carries less has nothing to spare: bit/s. */
const LEAST = 120_000;

/**
 * Whether each packet of sound had better repeat the one before (RFC 2198), so that what the line loses is there with the next.
 * What is asked for again comes a round trip later, which is often too late to be heard.
 */
export class RepeatedSound {
  #verdict = new Verdict();

  get wanted() {
    return this.#verdict.yes;
  }

  /**
   * Takes in a measurement.
   *
   * What came when it was sent again counts as lost, too: of sound that is often too late.
   *
   * @param {{ lostAtFirst: number, available: number | null }} measured the share of what was sent, and bit/s for all that is sent
   * @returns {boolean} whether `wanted` has changed
   */
  measure({ lostAtFirst: lost, available }) {
    if (available !== null && available < LEAST) return this.#verdict.take(false, 1);
    return this.#verdict.take(lost >= (this.wanted ? BELOW : FROM), this.wanted ? SURE_NO_LONGER : SURE);
  }
}
