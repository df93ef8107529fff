import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { BridgeError, ConnectionError, refusalToError } from "./errors.js";
import { Socket } from "./socket.js";

/** @import { Joined, Notice, Request } from "./protocol.js" */
/** @import { OpenSocket, SocketEnd } from "./socket.js" */

/** How long a WebSocket may take to open: milliseconds. */
const OPEN_TIMEOUT = 10_000;
/** How long the close frame may take that explains a refusal: milliseconds. */
const CLOSE_TIMEOUT = 2_000;
/** How often the very first join is tried before the caller is told that the bridge cannot be reached. */
const FIRST_TRIES = 4;

/** Close codes after which the same session may be resumed, or the same join be tried again. */
const TRY_AGAIN = new Set([1005, 1006, 1011, 1012, 1013, 1014, 1015, 4408, 4420, 4429, 4503]);
/** Close codes after which the session is gone and a new join finds a new one. */
const REJOIN = new Set([1001, 4404]);

/**
 * @typedef {object} SessionOptions
 * @property {"all" | "none"} subscribe
 * @property {OpenSocket} openSocket
 * @property {Backoff} backoff
 * @property {number} reconnectFor milliseconds of trying after which a lost session is given up
 * @property {() => number} clock milliseconds; one that nobody sets, as `performance.now`
 * @property {string | null} [renewed] the newest token that the bridge gave in an earlier stay
 */

/**
 * One participant's stay in a room: joins, and comes back when the network or the bridge was gone.
 *
 * `joined` comes after the first join, after each resume (`resumed` true: connections stand) and after each rejoin
 * (`resumed` false: the bridge knows nothing of us, connections must be made anew). `closed` comes once, with the error
 * that ended the session or null when it was left. `renewed` comes with each token that the bridge gives in place of the first.
 *
 * @extends {Emitter<{ joined: Joined, lost: null, notice: Notice, renewed: string, closed: BridgeError | null }>}
 */
export class Session extends Emitter {
  #url;
  #token;
  #options;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {{ id: string, secret: string } | null} */
  #resumable = null;
  /** @type {"starting" | "joined" | "lost" | "closed"} */
  #state = "starting";
  #lostAt = 0;
  /** @type {string | null} */
  #renewed;
  /** @type {() => void} */
  #wake = () => undefined;

  /**
   * @param {string} url
   * @param {(renewed: string | null) => string | Promise<string>} token asked for anew at each join, so that it may be a fresh
   *   one; `renewed` is the newest that the bridge gave, if it gave any and took it
   * @param {SessionOptions} options
   */
  constructor(url, token, options) {
    super();
    this.#url = url;
    this.#token = token;
    this.#options = options;
    this.#renewed = options.renewed ?? null;
  }

  /** Of the bridge's signalling. */
  get url() {
    return this.#url;
  }

  /** Whether requests reach the bridge now. */
  get joined() {
    return this.#socket !== null;
  }

  /**
   * Joins. Rejects when the bridge refuses, or cannot be reached in a few tries.
   *
   * @returns {Promise<Joined>}
   */
  start() {
    return new Promise((resolve, reject) => {
      this.on("joined", resolve, { once: true });
      this.on("closed", (error) => reject(error ?? left()), { once: true });
      this.#run().catch((error) => this.#close(toBridgeError(error)));
    });
  }

  /**
   * @template Reply
   * @param {Request} message
   * @returns {Promise<Reply>}
   */
  request(message) {
    if (this.#state === "closed") return Promise.reject(left());
    if (this.#socket === null) return Promise.reject(new ConnectionError("connection_lost", "Not connected just now."));
    return this.#socket.request(message);
  }

  /** The network came back or changed: finds out at once what that means instead of waiting for a timer. */
  nudge() {
    this.#socket?.probe();
    this.#wake();
  }

  /** Gives the session up and joins anew: the bridge has lost what cannot be resumed. */
  rejoin() {
    this.#resumable = null;
    this.#socket?.abandon();
  }

  /** Leaves for good. Does not wait for a bridge that does not answer. */
  async leave() {
    if (this.#state === "closed") return;
    const socket = this.#socket;
    this.#close(null);
    await socket?.request({ type: "leave" }, CLOSE_TIMEOUT).catch(() => undefined);
    socket?.abandon();
  }

  async #run() {
    const { backoff, reconnectFor, clock } = this.#options;
    while (!this.#closed()) {
      // Jitter is for many who come back at once; somebody who joins waits for nothing.
      const first = this.#state === "starting" && backoff.tries === 0;
      const delay = backoff.next();
      if (!first) await this.#sleep(delay);
      if (this.#closed()) return;
      const error = await this.#stay();
      if (this.#closed()) return;
      if (error.final) return this.#close(error.reason);
      if (this.#state === "starting" && backoff.tries >= FIRST_TRIES) return this.#close(error.reason);
      if (this.#state === "joined") {
        this.#state = "lost";
        this.#lostAt = clock();
        this.emit("lost", null);
      } else if (this.#state === "lost" && clock() - this.#lostAt > reconnectFor) {
        return this.#close(error.reason);
      }
    }
  }

  /**
   * Opens a socket, joins or resumes, and stays until the socket ends.
   *
   * @returns {Promise<{ reason: BridgeError, final: boolean }>} why it ended, and whether that is the end of all
   */
  async #stay() {
    const token = this.#resumable ? "" : await this.#token(this.#renewed);
    const socket = new Socket(this.#url, this.#options.openSocket);
    /** @type {Promise<SocketEnd>} */
    const ended = new Promise((resolve) => socket.on("end", resolve, { once: true }));
    const openTimer = setTimeout(() => socket.abandon(), OPEN_TIMEOUT);
    try {
      await socket.opened;
      clearTimeout(openTimer);
      const joined = await socket.request(this.#firstMessage(token));
      if (this.#closed()) {
        socket.request({ type: "leave" }, CLOSE_TIMEOUT).catch(() => undefined);
        return { reason: left(), final: true };
      }
      socket.on("notice", (notice) => this.#noticed(notice));
      this.#enter(socket, joined);
    } catch (error) {
      clearTimeout(openTimer);
      const closeTimer = setTimeout(() => socket.abandon(), CLOSE_TIMEOUT);
      const end = await ended;
      clearTimeout(closeTimer);
      return this.#judge(end, toBridgeError(error));
    }
    const end = await ended;
    return this.#judge(end, new ConnectionError("connection_lost", "The connection to the bridge was lost."));
  }

  /**
   * @param {string} token
   * @returns {Request}
   */
  #firstMessage(token) {
    if (this.#resumable) {
      return { type: "resume", session_id: this.#resumable.id, secret: this.#resumable.secret };
    }
    return { type: "join", token, subscribe: this.#options.subscribe };
  }

  /**
   * @param {Socket} socket
   * @param {Joined} joined
   */
  #enter(socket, joined) {
    this.#socket = socket;
    socket.on("end", () => {
      if (this.#socket === socket) this.#socket = null;
    });
    this.#resumable = { id: joined.session.id, secret: joined.session.secret };
    this.#state = "joined";
    this.#options.backoff.reset();
    this.#renew(joined.token);
    this.emit("joined", joined);
  }

  /** @param {Notice} notice */
  #noticed(notice) {
    if (notice.type === "token_renewed") this.#renew(notice.token);
    this.emit("notice", notice);
  }

  /** @param {string | undefined} token */
  #renew(token) {
    if (token === undefined) return;
    this.#renewed = token;
    this.emit("renewed", token);
  }

  /**
   * What the end of a socket means for the session.
   *
   * @param {SocketEnd} end
   * @param {BridgeError} error what was known before the socket ended
   * @returns {{ reason: BridgeError, final: boolean }}
   */
  #judge({ code, closing }, error) {
    // The refusal that came before knows the field and the hint; the closing message only the code.
    const { field, hint } = closing?.code === error.code ? error : {};
    const reason = closing ? refusalToError({ ...closing, field, hint }, code) : error;
    if (REJOIN.has(code) || reason.code === "session_unknown") {
      this.#resumable = null;
      return { reason, final: false };
    }
    if (this.#renewed !== null && reason.code.startsWith("token_")) {
      // It may be too old, or another bridge's by now: the first one may still be good.
      this.#renewed = null;
      return { reason, final: false };
    }
    if (code === 4410 && closing?.retry) {
      this.#resumable = null;
      return { reason, final: false };
    }
    return { reason, final: !TRY_AGAIN.has(code) };
  }

  /** @param {number} milliseconds */
  #sleep(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  #closed() {
    return this.#state === "closed";
  }

  /** @param {BridgeError | null} error */
  #close(error) {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#socket = null;
    this.#wake();
    this.emit("closed", error);
  }
}

function left() {
  return new ConnectionError("left", "This call was left.");
}

/** @param {unknown} error */
function toBridgeError(error) {
  if (error instanceof BridgeError) return error;
  return new BridgeError("internal_error", "The SDK failed.", { cause: error });
}
