import { Emitter } from "./emitter.js";
import { ConnectionError, RequestError, refusalToError } from "./errors.js";
import { originOf } from "./derived-track.js";
import { takePicture } from "./still-camera.js";

/** @import { LocalSource } from "./local-source.js" */
/** @import { RemoteSource } from "./participant.js" */
/** @import { Joined, Notice, StillEndReason, StillInfo } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/** What the bridge takes at most, until it says so itself: bytes. */
const MAX_BYTES = 4 * 1024 * 1024;
/** How often a picture is sent or fetched again where the network fails, and how long after: milliseconds. */
const RETRIES = [1_000, 3_000, 6_000];

/**
 * Somebody asks for a still picture of one's camera. It is the user's to decide: nothing is sent before `send`.
 *
 * @typedef {object} StillQuestion
 * @property {string} id
 * @property {string} askedBy a participant's id
 * @property {string} sourceId of one's own camera
 * @property {AbortSignal} signal aborted when it is over; its reason is a StillEndReason
 */

/** @typedef {{ resolve: (picture: Blob) => void, reject: (error: unknown) => void, fetching: boolean }} Waiting */

/**
 * Still pictures at the full resolution of somebody's camera, each by its owner's consent.
 *
 * `asked`: one is asked for a picture. `ended`: a picture of one's own was delivered, or is needed no longer.
 *
 * @extends {Emitter<{ asked: StillQuestion, ended: { question: StillQuestion, reason: StillEndReason } }>}
 */
export class Stills extends Emitter {
  #session;
  #sources;
  /** Those that one waits for. @type {Map<string, Waiting>} */
  #waiting = new Map();
  /** Those that one is asked for. @type {Map<string, { question: StillQuestion, controller: AbortController }>} */
  #questions = new Map();

  /**
   * @param {Session} session
   * @param {() => Iterable<LocalSource>} sources one's own
   */
  constructor(session, sources) {
    super();
    this.#session = session;
    this.#sources = sources;
    session.on("joined", (joined) => this.#joined(joined));
    session.on("notice", (notice) => this.#noticed(notice));
    session.on("closed", () => this.#keep([]));
  }

  /** What one is asked for and has not answered. */
  get questions() {
    return [...this.#questions.values()].map(({ question }) => question);
  }

  /**
   * Asks for a picture of somebody's camera. Rejects with a RequestError: `not_granted`, `still_at_hand`, or how it ended:
   * `still_refused`, `still_timed_out`, `still_gone`, `still_cancelled`.
   *
   * @param {RemoteSource} source
   * @param {{ signal?: AbortSignal }} [options] `signal` takes the question back
   * @returns {Promise<Blob>} a JPEG or PNG that nobody else has
   */
  async ask(source, { signal } = {}) {
    /** @type {{ still: StillInfo }} */
    const { still } = await this.#session.request({ type: "ask_for_still", source_id: source.id });
    const cancel = () => this.#session.request({ type: "cancel_still", still_id: still.id }).catch(() => undefined);
    signal?.addEventListener("abort", cancel);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(still.id, { resolve, reject, fetching: false });
        if (signal?.aborted) cancel();
      });
    } finally {
      this.#waiting.delete(still.id);
      signal?.removeEventListener("abort", cancel);
    }
  }

  /**
   * Takes the picture with one's own camera; it goes nowhere yet. Rejects with a DeviceError (`picture_failed`).
   *
   * @param {StillQuestion} question
   */
  async take({ sourceId }) {
    const source = [...this.#sources()].find(({ id }) => id === sourceId);
    if (!source?.track) throw new RequestError("source_not_found", "The camera is off.");
    return takePicture(originOf(source.track), { maxBytes: MAX_BYTES });
  }

  /**
   * Consents, and sends the picture to whoever asked. Rejects with a RequestError (`still_not_found`: it is needed no
   * longer) or a ConnectionError.
   *
   * @param {StillQuestion} question
   * @param {Blob} picture
   * @param {string} textVersion names the text that the user was asked with
   */
  async send({ id }, picture, textVersion) {
    /** @type {{ path: string, ticket: string }} */
    const { path, ticket } = await this.#session.request({ type: "answer_still", still_id: id, consents: true, text_version: textVersion });
    await this.#request(path, ticket, { method: "PUT", body: picture, headers: { "Content-Type": picture.type } });
  }

  /**
   * Does not consent, or not any more.
   *
   * @param {StillQuestion} question
   * @param {string} textVersion names the text that the user was asked with
   */
  async refuse({ id }, textVersion) {
    await this.#session.request({ type: "answer_still", still_id: id, consents: false, text_version: textVersion });
  }

  /** @param {Joined} joined */
  #joined({ stills = [], participant_id: own }) {
    this.#keep(stills.map(({ id }) => id));
    for (const still of stills) {
      if (still.participant_id === own && still.step === "asked") this.#ask(still);
      if (still.step === "ready") this.#fetch(still);
    }
  }

  /** @param {Notice} notice */
  #noticed(notice) {
    if (notice.type === "still_asked") this.#ask(notice.still);
    else if (notice.type === "still_ready") this.#fetch(notice.still);
    else if (notice.type === "still_ended") this.#end(notice.still_id, notice.reason);
  }

  /** @param {StillInfo} still */
  #ask({ id, asked_by: askedBy, source_id: sourceId }) {
    if (this.#questions.has(id)) return;
    const controller = new AbortController();
    const question = { id, askedBy, sourceId, signal: controller.signal };
    this.#questions.set(id, { question, controller });
    this.emit("asked", question);
  }

  /** @param {StillInfo} still */
  async #fetch({ id, file }) {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.fetching || file === undefined) return;
    waiting.fetching = true;
    try {
      waiting.resolve(await (await this.#request(file.path, file.ticket)).blob());
    } catch (error) {
      waiting.reject(error);
    }
  }

  /**
   * What is not at hand any more at the bridge is over.
   *
   * @param {string[]} atHand
   */
  #keep(atHand) {
    for (const id of [...this.#waiting.keys(), ...this.#questions.keys()]) if (!atHand.includes(id)) this.#end(id, "gone");
  }

  /**
   * @param {string} id
   * @param {StillEndReason} reason
   */
  #end(id, reason) {
    const waiting = this.#waiting.get(id);
    // What is being fetched comes, or fails by itself.
    if (waiting && !waiting.fetching) waiting.reject(new RequestError(`still_${reason}`, "There is no such picture."));
    const asked = this.#questions.get(id);
    if (asked === undefined) return;
    this.#questions.delete(id);
    asked.controller.abort(reason);
    this.emit("ended", { question: asked.question, reason });
  }

  /**
   * @param {string} path beside the URL of the WebSocket
   * @param {string} ticket
   * @param {{ method?: string, body?: Blob, headers?: Record<string, string> }} [options]
   */
  async #request(path, ticket, { headers, ...options } = {}) {
    const url = new URL(path, this.#session.url.replace(/^ws/, "http"));
    const init = { ...options, headers: { ...headers, Authorization: `Bearer ${ticket}` } };
    for (let tried = 0; ; tried += 1) {
      const response = await fetch(url, init).catch(() => null);
      if (response?.ok) return response;
      if (response && response.status < 500 && response.status !== 408) throw await refusal(response);
      const wait = RETRIES[tried];
      if (wait === undefined) throw new ConnectionError("unreachable", "The picture did not get through.");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** @param {Response} response a problem document (RFC 9457) */
async function refusal(response) {
  const { code = "refused", detail = "The bridge refused it." } = await response.json().catch(() => ({}));
  return refusalToError({ code, message: detail });
}

