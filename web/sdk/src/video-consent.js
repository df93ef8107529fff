/** @import { Joined, Notice } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/** Informed consent to being seen, in rooms that ask for it: without it they take no camera, and there is sound only. */
export class VideoConsent {
  #session;
  #needed = false;
  /** @type {boolean | null} */
  #given = null;

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** Whether the room takes a camera only after its owner's yes. */
  get needed() {
    return this.#needed;
  }

  /** What one has answered; null for nothing yet. */
  get given() {
    return this.#given;
  }

  /** Whether the bridge would refuse one's camera. */
  get missing() {
    return this.#needed && this.#given !== true;
  }

  /**
   * Answers, also to take an earlier yes back: the camera goes at once.
   *
   * @param {string} textVersion names the text of the question, and is kept with the answer
   * @param {boolean} consents
   */
  async answer(textVersion, consents) {
    await this.#session.request({ type: "answer_video_consent", text_version: textVersion, consents });
    this.#given = consents;
  }

  /** @param {Joined | Notice} message */
  apply(message) {
    if (message.type === "joined") {
      this.#needed = message.room.video_consent;
      this.#given = message.video_consented ?? null;
    } else if (message.type === "admitted" || message.type === "room_changed") {
      this.#needed = message.room.video_consent;
    }
  }
}
