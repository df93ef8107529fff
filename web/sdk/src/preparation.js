import { SUBPROTOCOL } from "./protocol.js";

/** @import { OpenSocket } from "./socket.js" */

/** How long an opened socket is kept: the bridge waits ten seconds for the first message, and a network may die unseen. */
const KEEP = 8_000;

/**
 * Opens the signalling before it is needed: over a line with a long round trip a call that is joined then begins a
 * good deal sooner. Nothing is said on it, the token least of all, until `connect` takes it.
 *
 * To be made, or renewed, when somebody is about to join: when the button is shown, pointed at or focused.
 */
export class Preparation {
  #url;
  #openSocket;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url of the bridge's signalling
   * @param {OpenSocket} [openSocket]
   */
  constructor(url, openSocket = (address, protocol) => new WebSocket(address, protocol)) {
    this.#url = url;
    this.#openSocket = openSocket;
  }

  /** Opens a socket unless one is open already. */
  renew() {
    if (usable(this.#socket)) return;
    this.close();
    try {
      this.#socket = this.#openSocket(this.#url, SUBPROTOCOL);
    } catch {
      // `connect` will say what is wrong with the address.
      return;
    }
    this.#timer = setTimeout(() => this.close(), KEEP);
  }

  /**
   * Hands the socket over, opened or about to be; null where there is none that could serve.
   *
   * @param {string} url that it has to lead to
   */
  take(url) {
    const socket = url === this.#url && usable(this.#socket) ? this.#socket : null;
    if (socket !== null) this.#socket = null;
    this.close();
    return socket;
  }

  close() {
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }
}

/** Opening, or open. @param {WebSocket | null} socket */
function usable(socket) {
  return socket !== null && socket.readyState <= 1;
}
