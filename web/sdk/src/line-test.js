import { BridgeError, ConnectionError, refusalToError } from "./errors.js";
import { LineMeter } from "./line-meter.js";
import { TestMaterial } from "./test-material.js";

/** How long a connection may take to stand: milliseconds. Behind a firewall that drops packets it never does. */
const REACH_TIMEOUT = 8_000;
/** How long the line is measured: milliseconds. Less, and neither side has found out what it carries. */
const MEASURE_FOR = 8_000;
const SAMPLE_EVERY = 1_000;

/** @typedef {"udp" | "tcp"} Protocol */

/**
 * What a line does with a call's media, over the path that a call would take. Null is unknown.
 *
 * @typedef {object} LineReport
 * @property {boolean | null} udp whether media gets through that way; null where the bridge does not offer it
 * @property {boolean | null} tcp
 * @property {Protocol | null} protocol what was measured; null: nothing gets through, and nothing was
 * @property {number | null} roundTrip milliseconds
 * @property {number | null} jitter milliseconds, there and back
 * @property {number | null} lossUp share of packets, 0 to 1
 * @property {number | null} lossDown
 * @property {number | null} rateUp bit/s, about 1 Mbit/s at most: more is not tried
 * @property {number | null} rateDown
 */

/**
 * Sends test media to the bridge and gets it back; the user's own camera and microphone are not used, and the room
 * that the token opens hears nothing of it. Takes about ten seconds, and is to be begun by a click.
 *
 * @param {string} url of the bridge's signalling, `wss://HOST/v1/signal`
 * @param {string} token a join token: it says who tests
 * @param {{ signal?: AbortSignal, onMeasuring?: () => void }} [options] `onMeasuring`: the line carries media, and is measured
 * @returns {Promise<LineReport>} rejects with a RequestError (`too_many_self_tests`), TokenError or ConnectionError
 */
export async function testLine(url, token, { signal, onMeasuring } = {}) {
  const material = new TestMaterial();
  /** @type {Echo[]} */
  const echoes = [];
  /** @param {Protocol} protocol @param {MediaStreamTrack[]} tracks */
  const attempt = async (protocol, tracks) => {
    const echo = new Echo(url, token, protocol);
    echoes.push(echo);
    return { echo, reached: await echo.send(tracks) };
  };
  const stop = () => echoes.forEach((echo) => echo.close());
  signal?.addEventListener("abort", stop);
  try {
    const [udp, tcp] = await Promise.all([attempt("udp", [material.audio, material.video]), attempt("tcp", [material.audio])]);
    let measured = udp;
    if (!udp.reached && tcp.reached) {
      tcp.echo.close();
      measured = await attempt("tcp", [material.audio, material.video]);
    } else tcp.echo.close();
    if (!measured.reached) return nothing(udp.reached, tcp.reached);
    onMeasuring?.();
    return { udp: udp.reached, tcp: tcp.reached, protocol: measured.echo.protocol, ...(await measured.echo.measure(signal)) };
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
    material.close();
  }
}

/** @param {boolean | null} udp @param {boolean | null} tcp @returns {LineReport} */
function nothing(udp, tcp) {
  return { udp, tcp, protocol: null, roundTrip: null, jitter: null, lossUp: null, lossDown: null, rateUp: null, rateDown: null };
}

/** Media to the bridge and back, over one protocol. */
class Echo {
  #base;
  #token;
  #sending = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  #receiving = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  /** Of the test at the bridge. @type {URL | null} */
  #place = null;
  #closed = false;

  /**
   * @param {string} url
   * @param {string} token
   * @param {Protocol} protocol
   */
  constructor(url, token, protocol) {
    this.#base = new URL("selftest", url.replace(/^ws/, "http"));
    this.#token = token;
    this.protocol = protocol;
  }

  /**
   * @param {MediaStreamTrack[]} tracks
   * @returns {Promise<boolean | null>} whether the bridge is reached; null where it does not offer this protocol
   */
  async send(tracks) {
    for (const track of tracks) {
      const sendEncodings = track.kind === "video" ? TestMaterial.encodings() : [];
      this.#sending.addTransceiver(track, { direction: "sendonly", sendEncodings });
    }
    const response = await this.#negotiate(this.#sending, this.#base);
    if (response === null) return null;
    const id = response.headers.get("Location")?.split("/").at(-1) ?? "";
    this.#place = new URL(`selftest/${id}`, this.#base);
    // Closed while the bridge answered.
    if (this.#closed) return this.#forget(), false;
    return connected(this.#sending);
  }

  /** @param {AbortSignal} [signal] */
  async measure(signal) {
    if (this.#place === null) throw new ConnectionError("left", "The test was ended.");
    this.#receiving.addTransceiver("audio", { direction: "recvonly" });
    this.#receiving.addTransceiver("video", { direction: "recvonly" });
    await this.#negotiate(this.#receiving, this.#place);
    await connected(this.#receiving);
    const meter = new LineMeter();
    for (let at = 0; at <= MEASURE_FOR; at += SAMPLE_EVERY) {
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY));
      if (this.#closed || signal?.aborted) throw new ConnectionError("left", "The test was ended.");
      meter.add(await this.#sending.getStats(), await this.#receiving.getStats());
    }
    const response = await this.#request(this.#place, {}).catch(() => null);
    const { estimate = null } = (await response?.json().catch(() => null)) ?? {};
    return meter.report(estimate);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#sending.close();
    this.#receiving.close();
    this.#forget();
  }

  #forget() {
    if (this.#place) this.#request(this.#place, { method: "DELETE", keepalive: true }).catch(() => undefined);
    this.#place = null;
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {URL} url
   * @returns {Promise<Response | null>} null where the answer has no candidate of this protocol
   */
  async #negotiate(connection, url) {
    await connection.setLocalDescription();
    const body = connection.localDescription?.sdp ?? "";
    const response = await this.#request(url, { method: "POST", body, headers: { "Content-Type": "application/sdp" } });
    const sdp = only(this.protocol, await response.text());
    if (sdp === null) return null;
    if (connection.signalingState !== "closed") await connection.setRemoteDescription({ type: "answer", sdp });
    return response;
  }

  /**
   * @param {URL} url
   * @param {RequestInit & { headers?: Record<string, string> }} options
   */
  async #request(url, { headers, ...options }) {
    /** @type {Response} */
    let response;
    try {
      response = await fetch(url, { ...options, headers: { ...headers, Authorization: `Bearer ${this.#token}` } });
    } catch (cause) {
      throw new ConnectionError("unreachable", "The bridge cannot be reached.", { cause });
    }
    if (response.ok) return response;
    const { code = "refused", detail = "The bridge refused it." } = await response.json().catch(() => ({}));
    throw /** @type {BridgeError} */ (refusalToError({ code, message: detail }));
  }
}

/**
 * @param {RTCPeerConnection} connection
 * @returns {Promise<boolean>}
 */
function connected(connection) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), REACH_TIMEOUT);
    const check = () => {
      const { connectionState: state } = connection;
      if (state !== "connected" && state !== "failed" && state !== "closed") return;
      clearTimeout(timer);
      resolve(state === "connected");
    };
    connection.addEventListener("connectionstatechange", check);
    check();
  });
}

/**
 * An answer with the candidates of one protocol (RFC 8839, section 5.1).
 *
 * @param {Protocol} protocol
 * @param {string} sdp
 * @returns {string | null} null where there are none
 */
export function only(protocol, sdp) {
  let found = false;
  const lines = sdp.split("\r\n").filter((line) => {
    if (!line.startsWith("a=candidate:")) return true;
    const keeps = line.split(" ")[2]?.toLowerCase() === protocol;
    found ||= keeps;
    return keeps;
  });
  return found ? lines.join("\r\n") : null;
}
