import { Emitter } from "./emitter.js";

/** @import { ConsentInfo, Joined, Notice } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/**
 * The recording of a room, and one's own consent to it.
 *
 * @extends {Emitter<{ consentasked: ConsentInfo, consentsettled: null, recordingfailed: { code: string } }>}
 */
export class Recording extends Emitter {
  #session;
  /** @type {ConsentInfo | null} */
  #consent = null;

  /** @param {Session} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  /** What one is asked for, or has consented to (`consented`); null while there is no recording. */
  get consent() {
    return this.#consent;
  }

  /**
   * Asks everyone in the room to consent. Rejects with a RequestError: `not_granted`, `recording_unavailable`,
   * `consent_impossible`.
   *
   * @param {string} textVersion names the text that the question has
   */
  async ask(textVersion) {
    await this.#session.request({ type: "ask_to_record", text_version: textVersion });
  }

  /** Ends the recording, or the asking for it. */
  async stop() {
    await this.#session.request({ type: "stop_recording" });
  }

  /**
   * @param {boolean} consents also to take an earlier yes back, which ends the recording
   * @param {string} [textVersion] names the text that the user was asked with, if it is not that of `consent`
   */
  async answer(consents, textVersion) {
    const consent = this.#consent;
    if (consent === null) return;
    this.#consent = { ...consent, consented: consents };
    this.emit("consentsettled", null);
    await this.#session.request({ type: "answer_consent", consent_id: consent.id, consents, ...(textVersion !== undefined && { text_version: textVersion }) });
  }

  /** @param {Joined | Notice} message */
  apply(message) {
    if (message.type === "joined") this.#set(message.consent ?? null);
    else if (message.type === "consent_asked") this.#set(message.consent);
    else if (message.type === "recording_failed") this.emit("recordingfailed", { code: message.code });
    else if (message.type === "room_changed" && message.room.recording === "off") this.#set(null);
  }

  /** @param {ConsentInfo | null} consent */
  #set(consent) {
    this.#consent = consent;
    if (consent === null || consent.consented) this.emit("consentsettled", null);
    else this.emit("consentasked", consent);
  }
}
