import { Backoff } from "./backoff.js";
import { Call } from "./call.js";
import { Session } from "./session.js";

/** @import { Preparation } from "./preparation.js" */

/**
 * @typedef {object} ConnectOptions
 * @property {"all" | "none"} [subscribe] whether to receive what the others publish unless told otherwise
 * @property {number} [reconnectFor] seconds of trying to come back after which the call is given up
 * @property {RTCConfiguration} [rtcConfiguration] for both peer connections, over what the bridge says
 * @property {Preparation} [preparation] that was made earlier: the first join goes over its socket
 * @property {string | null} [renewed] the newest token that `onRenewed` got before the page was loaded anew: it is used before `token`
 * @property {(token: string) => void} [onRenewed] gets each token that the bridge gives in place of `token`, which lives for minutes and may
 *   have ended when the page is loaded anew
 */

/**
 * Joins a room.
 *
 * @param {string} url of the bridge's signalling, `wss://HOST/v1/signal`
 * @param {string | ((renewed: string | null) => string | Promise<string>)} token a join token, or what fetches a fresh one: it is
 *   asked at each join, also when the bridge was restarted in the middle of a long call, and gets the newest that the bridge gave
 * @param {ConnectOptions} [options]
 * @returns {Promise<Call>} rejects with a TokenError, RoomError or ConnectionError
 */
export async function connect(url, token, options = {}) {
  const { subscribe = "all", reconnectFor = 300, rtcConfiguration = {}, preparation, renewed = null, onRenewed } = options;
  const session = new Session(url, typeof token === "string" ? (newest) => newest ?? token : token, {
    renewed,
    subscribe,
    reconnectFor: reconnectFor * 1000,
    backoff: new Backoff(),
    clock: () => performance.now(),
    openSocket: (address, protocol) => preparation?.take(address) ?? new WebSocket(address, protocol),
  });
  if (onRenewed) session.on("renewed", onRenewed);
  const call = new Call(session, { subscribe, rtcConfiguration });
  await session.start();
  return call;
}
