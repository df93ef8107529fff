import { ConnectionError, refusalToError } from "./errors.js";
import { Emitter } from "./emitter.js";
import { SUBPROTOCOL } from "./protocol.js";

/** @import { Closing, Notice, Request } from "./protocol.js" */

/** A request that is not answered for this long has met a dead network: milliseconds. */
const REQUEST_TIMEOUT = 10_000;
/** Silence after which the bridge is asked whether it is still there, and how long it may take to say so: milliseconds. */
const PING_AFTER = 10_000;
const PONG_WITHIN = 5_000;

/**
 * @typedef {object} SocketEnd
 * @property {number} code the close code; 1006 where there was no close frame
 * @property {Closing | null} closing the bridge's last word, if it had one
 */

/** @typedef {(url: string, protocol: string) => WebSocket} OpenSocket */

/**
 * One WebSocket to the bridge: requests and their replies, notices, and the finding that it is dead.
 *
 * It is used once. It ends exactly once, by `end`; requests that wait then fail with `connection_lost`.
 *
 * @extends {Emitter<{ notice: Notice, end: SocketEnd }>}
 */
export class Socket extends Emitter {
  #socket;
  #lastId = 0;
  /** @type {Map<number, { resolve: (reply: any) => void, reject: (error: Error) => void, timer: ReturnType<typeof setTimeout> }>} */
  #waiting = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pingTimer;
  /** @type {Closing | null} */
  #closing = null;
  #ended = false;

  /**
   * @param {string} url
   * @param {OpenSocket} openSocket
   */
  constructor(url, openSocket) {
    super();
    this.#socket = openSocket(url, SUBPROTOCOL);
    this.#socket.addEventListener("message", (event) => this.#receive(event.data));
    this.#socket.addEventListener("close", (event) => this.#end(event.code));
    /** Resolves when the socket is open; rejects when it closes before. */
    this.opened = new Promise((resolve, reject) => {
      const opened = () => {
        this.#heard();
        resolve(undefined);
      };
      // One that was opened in advance.
      if (this.#socket.readyState === 1) opened();
      else this.#socket.addEventListener("open", opened);
      this.on("end", () => reject(new ConnectionError("unreachable", "The bridge cannot be reached.")));
    });
    // Whoever does not wait for it (the socket was given up meanwhile) shall not see an unhandled rejection.
    this.opened.catch(() => undefined);
  }

  /**
   * Sends a request and waits for its reply.
   *
   * @template Reply
   * @param {Request} message
   * @param {number} [timeout] milliseconds
   * @returns {Promise<Reply>}
   */
  request(message, timeout = REQUEST_TIMEOUT) {
    if (this.#ended || this.#socket.readyState !== 1) return Promise.reject(connectionLost());
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new ConnectionError("request_timeout", `The bridge did not answer ${message.type}.`));
        this.#waiting.delete(id);
        this.abandon();
      }, timeout);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ ...message, id }));
    });
  }

  /** Asks the bridge whether it is there; a bridge that is not ends the socket. */
  probe() {
    this.request({ type: "ping" }, PONG_WITHIN).catch(() => undefined);
  }

  /** Gives the socket up without waiting for the other side: a closing handshake on a dead network takes minutes. */
  abandon() {
    this.#end(1006);
  }

  /** @param {unknown} data */
  #receive(data) {
    if (this.#ended || typeof data !== "string") return;
    this.#heard();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof message !== "object" || message === null) return;
    const waiting = this.#waiting.get(message.reply_to);
    if (waiting) {
      this.#waiting.delete(message.reply_to);
      clearTimeout(waiting.timer);
      if (message.type === "error") waiting.reject(refusalToError(message));
      else waiting.resolve(message);
    } else if (message.reply_to === undefined) {
      if (message.type === "closing") this.#closing = message;
      this.emit("notice", message);
    }
  }

  #heard() {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.probe(), PING_AFTER);
  }

  /** @param {number} code */
  #end(code) {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#pingTimer);
    this.#socket.close();
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(connectionLost());
    }
    this.#waiting.clear();
    this.emit("end", { code, closing: this.#closing });
  }
}

function connectionLost() {
  return new ConnectionError("connection_lost", "The connection to the bridge was lost.", {
    hint: "It is made anew by itself; what was asked for is done then.",
  });
}
