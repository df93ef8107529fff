import { Emitter } from "./emitter.js";

/** Milliseconds that a device has to give something, once the system has given it back or its user is back at the page. */
const RECOVERY = 3_000;
/** Milliseconds in which what it gave before may still be counted. */
const UNDER_WAY = 500;

/**
 * Sees when the system takes a device from the page for a while, as a telephone call does: the browser mutes its track, and unmutes
 * it afterwards (W3C Media Capture and Streams, section 4.3.1). Not every system gives back what it took.
 *
 * `change`: it began, or it is over. `overdue`: nothing comes though it should; the device is to be opened anew.
 *
 * @extends {Emitter<{ change: null, overdue: null }>}
 */
export class Interruption extends Emitter {
  #track;
  #progress;
  #abort = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** It was given back, and gives nothing. */
  #lost = false;

  /**
   * @param {MediaStreamTrack} track the device's own
   * @param {() => Promise<number | null>} progress how much it has given so far, in any unit; null where nobody knows
   */
  constructor(track, progress) {
    super();
    this.#track = track;
    this.#progress = progress;
    const options = { signal: this.#abort.signal };
    track.addEventListener("mute", () => this.emit("change", null), options);
    track.addEventListener("unmute", () => {
      this.#lost = false;
      this.emit("change", null);
      this.#expect();
    }, options);
    // On a telephone, whoever has hung up comes back to the page, be the device given back or not.
    globalThis.document?.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.active) this.#expect();
    }, options);
  }

  /** Whether the device gives nothing for now. */
  get active() {
    return this.#lost || this.#track.muted;
  }

  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  #expect() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), UNDER_WAY);
  }

  async #begin() {
    const before = await this.#progress();
    if (this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => this.#look(before), RECOVERY);
  }

  /** @param {number | null} before */
  async #look(before) {
    const now = this.#track.muted ? before : await this.#progress();
    if (this.#abort.signal.aborted || (!this.#track.muted && (now === null || now !== before))) return;
    this.#lost = true;
    this.emit("change", null);
    this.emit("overdue", null);
  }
}
