import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";

/** How long a connection may be `disconnected` before its ICE is restarted: it often recovers by itself. Milliseconds. */
const DISCONNECTED_PATIENCE = 2_000;

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
  }

  #changed() {
    clearTimeout(this.#timer);
    const state = this.#connection.connectionState;
    if (state === "connected") {
      this.#backoff.reset();
      this.#become("connected");
    } else if (state === "connecting") {
      if (this.#state === "idle") this.#become("connecting");
      // A restart that leads nowhere ends in `failed` only after half a minute in some browsers.
      this.#restartIn(this.#backoff.tries === 0 ? 10_000 : this.#backoff.next());
    } else if (state === "disconnected") {
      this.#become("recovering");
      this.#restartIn(DISCONNECTED_PATIENCE);
    } else if (state === "failed") {
      this.#become("failed");
      this.#restartIn(this.#backoff.next());
    }
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
