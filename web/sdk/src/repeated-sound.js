import { Verdict } from "./verdict.js";

/** From this share of lost packets on sound is repeated, and below that for a while no longer: 0 to 1. */
const FROM = 0.015;
const BELOW = 0.005;
/** How much each measurement counts in the share: a loss of three in a hundred is none or five of them in two seconds. */
const WEIGHT = 0.3;
/** A line that carries less has nothing to spare, and one that carries this much has: bit/s. */
const LEAST = 110_000;
const ENOUGH = 160_000;
/** Measurements in a row that have to say that it is no longer wanted: for little loss, and for a thin line. */
const CALM = 15;
const THIN = 2;

/** What repeating one frame in each packet takes, bit/s. */
export const REPETITION = 34_000;

/**
 * Whether each packet of sound had better repeat the one before (RFC 2198), so that what the line loses is there with the next.
 * What is asked for again comes a round trip later, which is often too late to be heard.
 */
export class RepeatedSound {
  #verdict = new Verdict();
  #lost = 0;

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
  measure({ lostAtFirst, available }) {
    this.#lost += WEIGHT * (lostAtFirst - this.#lost);
    const carried = available === null || available >= (this.wanted ? LEAST : ENOUGH);
    const says = carried && this.#lost >= (this.wanted ? BELOW : FROM);
    return this.#verdict.take(says, this.wanted ? (carried ? CALM : THIN) : 1);
  }
}
