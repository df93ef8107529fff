import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";

/** @import { Publisher } from "./publisher.js" */
/** @import { Session } from "./session.js" */
/** @import { Subscriber } from "./subscriber.js" */

/**
 * Joins anew when one of the connections is past mending by an ICE restart: the bridge has given it up and its end is gone,
 * or the browser sends nothing over it any more.
 *
 * The first time comes soon, further ones with back-off, since the network that stopped a connection may stop the next.
 *
 * @extends {Emitter<{ change: null }>}
 */
export class Rejoining extends Emitter {
  #session;
  #backoff = new Backoff({ initial: 5_000, maximum: 60_000 });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #blocked = false;

  /**
   * @param {Pick<Session, "on" | "rejoin">} session
   * @param {Pick<Publisher | Subscriber, "addEventListener" | "state">[]} connections
   */
  constructor(session, connections) {
    super();
    this.#session = session;
    session.on("notice", (notice) => {
      if (notice.type === "connection_state" && notice.state === "failed") this.#failed();
    });
    // What was joined meanwhile has connections of its own.
    session.on("joined", ({ resumed }) => resumed || this.#cancel());
    session.on("closed", () => this.#cancel());
    for (const connection of connections) {
      connection.addEventListener("spent", () => this.#failed());
      connection.addEventListener("state", () => {
        const states = connections.map(({ state }) => state);
        if (states.includes("connected") && states.every((state) => state === "connected" || state === "idle")) this.#stand();
      });
    }
  }

  /** Whether a connection is past mending, and its successor does not stand yet. */
  get blocked() {
    return this.#blocked;
  }

  #stand() {
    this.#backoff.reset();
    this.#become(false);
  }

  /** @param {boolean} blocked */
  #become(blocked) {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.emit("change", null);
  }

  #failed() {
    this.#become(true);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#session.rejoin();
    }, this.#backoff.next());
  }

  #cancel() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
