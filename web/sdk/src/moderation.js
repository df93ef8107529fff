/** @import { DecisionRequest, LobbyNoticeName } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/**
 * What hosts decide. Every method takes the grant `host`, and rejects with a RequestError `not_granted` without it.
 * Participants are named by their ids.
 */
export class Moderation {
  #session;

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Lets those in who wait: these, or all.
   *
   * @param {string[]} [ids]
   */
  admit(ids) {
    return this.#decide(ids ? { type: "admit", participant_ids: ids } : { type: "admit" });
  }

  /**
   * Lets the next one of a queue into one's own room, or a certain one. Rejects with `queue_empty` where another host was quicker.
   *
   * @param {string} queueId
   * @param {string} [id]
   */
  take(queueId, id) {
    return this.#decide({ type: "take", queue_id: queueId, ...(id !== undefined && { participant_id: id }) });
  }

  /**
   * Ends somebody's wait without letting them in.
   *
   * @param {string} id
   * @param {string} [queueId] where they wait in this queue, not in the room's own lobby
   */
  refuse(id, queueId) {
    return this.#decide({ type: "refuse", participant_id: id, ...(queueId !== undefined && { queue_id: queueId }) });
  }

  /**
   * Writes to those who wait, or to one of them.
   *
   * @param {LobbyNoticeName} notice
   * @param {{ text?: string, minutes?: number, to?: string, queue?: string }} [options] `minutes` of delay, for `delayed`;
   *   `queue`: for those who wait in it
   */
  messageLobby(notice, { text, minutes, to, queue } = {}) {
    return this.#decide({
      type: "message_lobby",
      notice,
      ...(text !== undefined && { text }),
      ...(minutes !== undefined && { minutes }),
      ...(to !== undefined && { participant_id: to }),
      ...(queue !== undefined && { queue_id: queue }),
    });
  }

  /** @param {string} id has somebody wait again */
  sendToLobby(id) {
    return this.#decide({ type: "send_to_lobby", participant_id: id });
  }

  /**
   * Takes somebody out; their token does not let them in again.
   *
   * @param {string} id
   * @param {string} [queueId] where they wait in this queue
   */
  remove(id, queueId) {
    return this.#decide({ type: "remove", participant_id: id, ...(queueId !== undefined && { queue_id: queueId }) });
  }

  /** @param {string} sourceId forwards nothing more of somebody's source until they unmute it */
  mute(sourceId) {
    return this.#decide({ type: "mute", source_id: sourceId });
  }

  /** @param {string} id asks somebody to unmute; only they can */
  askToUnmute(id) {
    return this.#decide({ type: "ask_to_unmute", participant_id: id });
  }

  /** @param {string} id stops what somebody shows of their screen */
  stopScreen(id) {
    return this.#decide({ type: "stop_screen", participant_id: id });
  }

  /** @param {boolean} locked whether nobody new may join or wait */
  lock(locked) {
    return this.#decide({ type: "lock", locked });
  }

  /** @param {string | null} id has everybody see somebody best, who may still see others best; null: nobody any more */
  pinForAll(id) {
    return this.#decide({ type: "pin_for_all", participant_id: id });
  }

  /** @param {string} id gives the grant `host` to somebody whose role may have it, and gives it up */
  handOver(id) {
    return this.#decide({ type: "hand_over", participant_id: id });
  }

  /** Ends the call for everyone in the room. */
  endCall() {
    return this.#decide({ type: "end_call" });
  }

  /**
   * @param {DecisionRequest} request
   * @returns {Promise<void>}
   */
  async #decide(request) {
    await this.#session.request(request);
  }
}
