import { Emitter } from "./emitter.js";

/** Between two looks: milliseconds. */
const INTERVAL = 500;
/** Looks without a packet after which no sound flows: one second. Opus sends two or more even of silence. */
const LOOKS = 2;

/**
 * Sees whether sound arrives at all, for as long as that is of interest. Whoever sent it is not asked: on a line that is
 * out, nobody's word arrives either.
 *
 * @extends {Emitter<{ change: null }>}
 */
export class SoundWatch extends Emitter {
  #count;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {number | null} */
  #last = null;
  #without = 0;

  /** @param {() => Promise<number | null>} count packets of sound that have arrived so far; null where none may */
  constructor(count) {
    super();
    this.#count = count;
  }

  /** Whether sound flows; true while nobody watches. */
  get flows() {
    return this.#without < LOOKS;
  }

  /** @param {boolean} watching */
  set watching(watching) {
    if (watching === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = watching ? setInterval(() => this.#look(), INTERVAL) : undefined;
    this.#last = null;
    this.#take(0);
  }

  async #look() {
    const timer = this.#timer;
    const count = await this.#count();
    if (timer !== this.#timer) return;
    const came = count === null || count !== this.#last;
    this.#last = count;
    this.#take(came ? 0 : this.#without + 1);
  }

  /** @param {number} without looks */
  #take(without) {
    const flowed = this.flows;
    this.#without = without;
    if (flowed !== this.flows) this.emit("change", null);
  }
}
