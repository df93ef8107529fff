import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";

/** How long a connection may be `disconnected` before its ICE is restarted: it often recovers by itself. Milliseconds. */
const DISCONNECTED_PATIENCE = 2_000;
/** How long one that failed is `connecting` or `recovering` still: a restart may mend it at once. Milliseconds. */
const FAILED_PATIENCE = 3_000;

/** @typedef {"idle" | "connecting" | "connected" | "recovering" | "failed"} MediaState */

/**
 * Watches one RTCPeerConnection and says when its ICE should be restarted: at once when it failed, after a short while
 * when it was disconnected, and again with back-off for as long as that does not help.
 *
 * `state` is what users feel: `idle` before anything was negotiated, `connecting` the first time, `connected`,
 * `recovering` after it had been, `failed` while restarts go on that have not helped so far.
 *
 * @extends {Emitter<{ state: MediaState, restart: null }>}
 */
export class ConnectionWatch extends Emitter {
  #connection;
  #backoff = new Backoff({ initial: 2_000, maximum: 15_000 });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Runs since it failed. @type {ReturnType<typeof setTimeout> | undefined} */
  #failing;
  /** @type {MediaState} */
  #state = "idle";
  #abort = new AbortController();

  /** @param {RTCPeerConnection} connection */
  constructor(connection) {
    super();
    this.#connection = connection;
    connection.addEventListener("connectionstatechange", () => this.#changed(), { signal: this.#abort.signal });
  }

  get state() {
    return this.#state;
  }

  /** Stops watching. */
  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#failing);
  }

  #changed() {
    clearTimeout(this.#timer);
    const state = this.#connection.connectionState;
    if (state === "connected") {
      clearTimeout(this.#failing);
      this.#failing = undefined;
      this.#backoff.reset();
      this.#become("connected");
    } else if (state === "connecting") {
      if (this.#state === "idle") this.#become("connecting");
      // A restart that leads nowhere ends in `failed` only after half a minute in some browsers.
      this.#restartIn(this.#backoff.tries === 0 ? 10_000 : this.#backoff.next());
    } else if (state === "disconnected") {
      this.#interrupted();
      this.#restartIn(DISCONNECTED_PATIENCE);
    } else if (state === "failed") {
      this.#interrupted();
      this.#failing ??= setTimeout(() => this.#become("failed"), FAILED_PATIENCE);
      this.#restartIn(this.#backoff.next());
    }
  }

  /** What never was connected is on its way still. */
  #interrupted() {
    if (this.#state === "connected") this.#become("recovering");
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
