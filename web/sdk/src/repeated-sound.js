import { Overflow } from "./overflow.js";
import { Verdict } from "./verdict.js";

/** From this share of lost packets on sound is repeated, and below that for a while no longer: 0 to 1. */
const FROM = 0.015;
const BELOW = 0.005;
/** How much each measurement counts in the share: a loss of three in a hundred is none or five of them in two seconds. */
const WEIGHT = 0.3;
/** A line that carries less has nothing to spare, and one that carries this much has: bit/s. */
const LEAST = 110_000;
const ENOUGH = 160_000;
/** From here on it does not matter that browsers leave what is repeated out of their account: bit/s. */
const AMPLE = 600_000;
/** Measurements in a row that have to say that it is no longer wanted: for little loss, and for a thin line. */
const CALM = 15;
const THIN = 2;

/** What sound takes at most while it is repeated on a line that is not ample, so that pictures keep theirs: bit/s. */
const REPEATED = 20_000;
/** What each packet takes beside its frames: 50 times a second 20 bytes of RTP and extensions, 28 of IP and UDP, and 8 of SRTP, bit/s. */
const HEADERS = 13_000;

/**
 * Whether each packet of sound had better repeat the one before (RFC 2198), so that what the line loses is there with the next.
 * What is asked for again comes a round trip later, which is often too late to be heard.
 *
 * Chromium gives pictures what its estimate leaves beside sound that is not repeated. What is too much waits in its own queue, pictures
 * a second later than the sound that they belong to. So pictures are held to the rest, where there is one that can be.
 */
export class RepeatedSound {
  #verdict = new Verdict();
  #lost = 0;
  #ample = false;
  #overflow = new Overflow();

  get wanted() {
    return this.#verdict.yes;
  }

  /** What a sound may take at most, without its repetition: bit/s. */
  get bitrate() {
    return this.displaces ? REPEATED : Infinity;
  }

  /** Whether pictures have to be held to what is left. */
  get displaces() {
    return this.wanted && !this.#ample;
  }

  /**
   * What a sound takes on the line with all headers: bit/s.
   *
   * @param {number} bitrate that it has at most
   */
  onTheWire(bitrate) {
    return Math.min(bitrate, this.bitrate) * (this.wanted ? 2 : 1) + HEADERS;
  }

  /**
   * Takes in a measurement.
   *
   * What came when it was sent again counts as lost, too: of sound that is often too late. What a queue dropped that was full for a moment
   * does not.
   *
   * @param {{ lostAtFirst: number, available: number | null, roundTrip: number | null }} measured the share of what was sent, bit/s for
   *   all that is sent, and seconds
   * @param {boolean} several whether there are pictures of which nobody knows what each takes
   * @returns {boolean} whether `wanted` has changed
   */
  measure({ lostAtFirst, available, roundTrip }, several = false) {
    this.#ample = available !== null && available >= AMPLE;
    const lost = this.#overflow.measure({ available, roundTrip }) ? Math.min(lostAtFirst, this.#lost) : lostAtFirst;
    this.#lost += WEIGHT * (lost - this.#lost);
    const carried = available !== null && available >= (several ? AMPLE : this.wanted ? LEAST : ENOUGH);
    const says = carried && this.#lost >= (this.wanted ? BELOW : FROM);
    return this.#verdict.take(says, this.wanted ? (carried ? CALM : THIN) : 1);
  }
}
