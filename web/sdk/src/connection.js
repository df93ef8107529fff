import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";

/** How long a connection may be `disconnected` before its ICE is restarted: it often recovers by itself. Milliseconds. */
const DISCONNECTED_PATIENCE = 2_000;
/** How long nothing is to arrive on it before it counts as interrupted at all: milliseconds, at most the patience above, … */
const SILENCE = 1_000;
/**
 * … and how often that is looked at while something arrives: ours may not. To Firefox a lost check is `disconnected` for a tenth
 * of a second, while what is to be seen and heard goes on.
 */
const LOOKS = 2;
/** How long one that failed is `connecting` or `recovering` still: a restart may mend it at once. Milliseconds. */
const FAILED_PATIENCE = 3_000;
/**
 * How long one that is on its way, or was interrupted, has not failed: a restart may be what keeps a browser from saying so.
 * Milliseconds.
 */
const PATIENCE = 20_000;
/**
 * Whether a connection that failed sends nothing ever again: Firefox (seen in 153) says `connected` after the restart, and
 * receives, but not a packet of media or RTCP leaves it (w3c/webrtc-pc#3139).
 */
const FAILS_FOR_GOOD = /\bFirefox\//.test(globalThis.navigator?.userAgent ?? "");

/** @typedef {"idle" | "connecting" | "connected" | "recovering" | "failed"} MediaState */

/**
 * Watches one RTCPeerConnection and says when its ICE should be restarted: at once when it failed, after a short while
 * when it was disconnected and nothing arrives, and again with back-off for as long as that does not help.
 *
 * `state` is what users feel: `idle` before anything was negotiated, `connecting` the first time, `connected`,
 * `recovering` after it had been, `failed` while restarts go on that have not helped so far.
 *
 * `spent` comes in place of `connected` where a restart has shown that the network is back, and this connection is of no use
 * all the same: another one has to take its place.
 *
 * @extends {Emitter<{ state: MediaState, restart: null, spent: null }>}
 */
export class ConnectionWatch extends Emitter {
  #connection;
  #backoff = new Backoff({ initial: 2_000, maximum: 15_000 });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Runs for as long as it does not stand. @type {ReturnType<typeof setTimeout> | undefined} */
  #failing;
  /** Whether it has failed since it last stood. */
  #failed = false;
  /** @type {MediaState} */
  #state = "idle";
  #failsForGood;
  #spent = false;
  #abort = new AbortController();

  /**
   * @param {RTCPeerConnection} connection
   * @param {boolean} [failsForGood] whether a restart after `failed` does not make it send again
   */
  constructor(connection, failsForGood = FAILS_FOR_GOOD) {
    super();
    this.#connection = connection;
    this.#failsForGood = failsForGood;
    connection.addEventListener("connectionstatechange", () => this.#changed(), { signal: this.#abort.signal });
  }

  get state() {
    return this.#state;
  }

  /** Stops watching. */
  close() {
    this.#abort.abort();
    this.#wait();
    clearTimeout(this.#failing);
  }

  #changed() {
    this.#wait();
    const state = this.#connection.connectionState;
    if (state === "connected") {
      clearTimeout(this.#failing);
      this.#failing = undefined;
      this.#failed = false;
      this.#backoff.reset();
      if (this.#spent) this.emit("spent", null);
      else this.#become("connected");
    } else if (state === "connecting") {
      if (this.#state === "idle") this.#become("connecting");
      this.#failing ??= this.#failIn(PATIENCE);
      // A restart that leads nowhere ends in `failed` only after half a minute in some browsers.
      this.#restartIn(this.#backoff.tries === 0 ? 10_000 : this.#backoff.next());
    } else if (state === "disconnected") {
      this.#failing ??= this.#failIn(PATIENCE);
      this.#doubt(bytesReceived(this.#connection), LOOKS);
    } else if (state === "failed") {
      this.#spent = this.#failsForGood;
      this.#interrupted();
      if (!this.#failed) {
        this.#failed = true;
        clearTimeout(this.#failing);
        this.#failing = this.#failIn(FAILED_PATIENCE);
      }
      this.#restartIn(this.#backoff.next());
    }
  }

  /** Nothing is due. */
  #wait() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Takes a connection for interrupted once nothing arrives on it, or so many looks later.
   *
   * @param {Promise<number>} before bytes received so far
   * @param {number} looks
   */
  #doubt(before, looks) {
    const timer = setTimeout(async () => {
      const received = await bytesReceived(this.#connection);
      const arrives = received > (await before);
      // The connection may have changed meanwhile.
      if (this.#timer !== timer) return;
      if (arrives && looks > 1) {
        this.#doubt(Promise.resolve(received), looks - 1);
      } else {
        this.#interrupted();
        this.#restartIn(DISCONNECTED_PATIENCE - SILENCE);
      }
    }, SILENCE);
    this.#timer = timer;
  }

  /** What never was connected is on its way still. */
  #interrupted() {
    if (this.#state === "connected") this.#become("recovering");
  }

  /** @param {number} milliseconds */
  #failIn(milliseconds) {
    return setTimeout(() => this.#become("failed"), milliseconds);
  }

  /** @param {number} milliseconds */
  #restartIn(milliseconds) {
    this.#timer = setTimeout(() => {
      this.emit("restart", null);
      this.#restartIn(this.#backoff.next());
    }, milliseconds);
  }

  /** @param {MediaState} state */
  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}

/**
 * Bytes of media and of reports that a connection has received; 0 where it does not say.
 *
 * @param {RTCPeerConnection} connection
 */
async function bytesReceived(connection) {
  try {
    const stats = [...(await connection.getStats()).values()];
    return stats.reduce((sum, { type, bytesReceived: bytes = 0 }) => (type === "candidate-pair" ? sum + bytes : sum), 0);
  } catch {
    return 0;
  }
}
