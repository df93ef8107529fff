import { Emitter } from "./emitter.js";

/** @import { ChatMessageInfo, Joined, Notice } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/**
 * @typedef {object} ChatMessage
 * @property {string} id
 * @property {string} participantId of the writer, who may be gone
 * @property {string} name
 * @property {boolean} caption what is said, written down for those who do not hear it
 * @property {string} text
 * @property {string | null} to one participant's id; null for everyone in the room
 * @property {Date} at by this device's clock
 */

/**
 * What was written in the room, oneself included. Each message comes once, also when the bridge tells it again after a
 * resume.
 *
 * @extends {Emitter<{ chatmessage: ChatMessage }>}
 */
export class Chat extends Emitter {
  #session;
  /** @type {Map<string, ChatMessage>} */
  #messages = new Map();

  /** @param {Session} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  /** Oldest first. */
  get messages() {
    return [...this.#messages.values()];
  }

  /**
   * Writes to everyone in the room, or to one of them. Rejects with a RequestError: `not_granted`, `bad_text`,
   * `too_many_messages`, `participant_not_found`.
   *
   * @param {string} text
   * @param {{ to?: string, caption?: boolean }} [options] `to`: a participant's id
   */
  async send(text, { to, caption = false } = {}) {
    const lane = caption ? /** @type {const} */ ("caption") : "message";
    await this.#session.request({ type: "chat", text, lane, ...(to !== undefined && { to }) });
  }

  /** @param {Joined | Notice} message */
  apply(message) {
    if (message.type === "joined" || message.type === "admitted") for (const info of message.chat) this.#take(info);
    else if (message.type === "chat_message") this.#take(message.message);
  }

  /** @param {ChatMessageInfo} info */
  #take({ id, participant_id: participantId, name, lane, text, to, age_seconds: age }) {
    if (this.#messages.has(id)) return;
    const message = { id, participantId, name, caption: lane === "caption", text, to, at: new Date(Date.now() - age * 1000) };
    this.#messages.set(id, message);
    this.emit("chatmessage", message);
  }
}
