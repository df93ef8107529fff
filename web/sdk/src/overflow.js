/** A round trip so much longer than the shortest, in seconds, says that packets wait in a queue that is full. */
const QUEUE = 0.1;
/** So does an estimate that fell to less than this share of the last one: the line is another one. */
const FALL = 0.5;
/** For so many measurements what is lost may still be what such a queue dropped, … */
const AFTERMATH = 4;
/** … and after so many it counts all the same: then somebody else keeps it full. */
const PATIENCE = 8;

/** Whether what one's own line loses is likely to be what it dropped, having become too thin for what is sent. */
export class Overflow {
  #shortest = Infinity;
  #available = 0;
  #aftermath = 0;
  #lasting = 0;

  /**
   * Takes in a measurement.
   *
   * @param {{ available: number | null, roundTrip: number | null }} measured bit/s for all that is sent, and seconds
   * @returns {boolean} whether it says so
   */
  measure({ available, roundTrip }) {
    this.#shortest = Math.min(this.#shortest, roundTrip ?? Infinity);
    const fell = available !== null && available < FALL * this.#available;
    const full = roundTrip !== null && roundTrip > this.#shortest + QUEUE;
    this.#available = available ?? 0;
    this.#aftermath = fell || full ? AFTERMATH : Math.max(0, this.#aftermath - 1);
    this.#lasting = this.#aftermath > 0 ? this.#lasting + 1 : 0;
    return this.#lasting > 0 && this.#lasting <= PATIENCE;
  }
}
