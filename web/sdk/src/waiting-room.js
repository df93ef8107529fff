import { Emitter } from "./emitter.js";

/** @import { Joined, LobbyInfo, LobbyMessageInfo, Notice, QueueInfo, WaitingInfo } from "./protocol.js" */

/**
 * @typedef {object} LobbyState What someone who waits may know.
 * @property {number} position in the queue; 1 is next
 * @property {number | null} expectedSeconds until it is their turn, as the bridge reckoned when it told
 * @property {boolean} hostPresent
 * @property {readonly LobbyMessageInfo[]} messages of the hosts, oldest first
 */

/**
 * @typedef {object} WaitingRoomEvents
 * @property {LobbyState} lobbychange one's own place, or what one may expect, changed
 * @property {LobbyMessageInfo} lobbymessage a host wrote to those who wait
 * @property {null} admitted one is in the room now
 * @property {null} senttolobby one waits (again)
 * @property {WaitingInfo} waitingjoined for hosts: someone is ready
 * @property {{ participant: WaitingInfo, reason: string }} waitingleft for hosts
 * @property {WaitingInfo} waitingrefused for hosts: someone was let in, does not consent to the recording, and waits on
 * @property {WaitingInfo} queuejoined for hosts: someone waits in a queue that the room takes from
 * @property {null} waitingchange for hosts: the list, or a queue, differs
 */

/** @type {(keyof WaitingRoomEvents)[]} */
export const WAITING_ROOM_EVENTS = [
  "lobbychange", "lobbymessage", "admitted", "senttolobby", "waitingjoined", "waitingleft", "waitingrefused", "queuejoined", "waitingchange",
];

/**
 * The lobby from both sides: one's own wait, and for hosts those who wait.
 *
 * @extends {Emitter<{ [Type in keyof WaitingRoomEvents]: WaitingRoomEvents[Type] }>}
 */
export class WaitingRoom extends Emitter {
  /** Null while one is in the room. @type {LobbyState | null} */
  lobby = null;
  /** Who waits, by id, the next one first; empty for those who are no hosts. @type {Map<string, WaitingInfo>} */
  waiting = new Map();
  /** For hosts: the queues that the room takes from, by id. @type {Map<string, QueueInfo>} */
  queues = new Map();

  /** @param {Joined} joined */
  reset({ lobby, waiting = [] }) {
    const waited = this.lobby !== null;
    this.lobby = lobby ? toState(lobby) : null;
    this.queues = new Map();
    this.#setWaiting(waiting);
    if (this.lobby) this.emit(waited ? "lobbychange" : "senttolobby", /** @type {any} */ (waited ? this.lobby : null));
    else if (waited) this.emit("admitted", null);
  }

  /** @param {Notice} notice */
  apply(notice) {
    switch (notice.type) {
      case "lobby_changed":
        this.lobby = toState(notice.lobby);
        this.emit("lobbychange", this.lobby);
        break;
      case "lobby_message":
        if (this.lobby === null || this.lobby.messages.some(({ id }) => id === notice.message.id)) break;
        this.lobby = { ...this.lobby, messages: [...this.lobby.messages, notice.message] };
        this.emit("lobbymessage", notice.message);
        this.emit("lobbychange", this.lobby);
        break;
      case "admitted":
        this.lobby = null;
        this.#setWaiting(notice.waiting ?? []);
        this.emit("admitted", null);
        break;
      case "sent_to_lobby":
        this.lobby = toState(notice.lobby);
        this.#setWaiting([]);
        this.emit("senttolobby", null);
        break;
      case "waiting_joined":
        this.waiting.set(notice.participant.id, notice.participant);
        this.emit("waitingjoined", notice.participant);
        this.emit("waitingchange", null);
        break;
      case "waiting_updated":
        this.#updated(notice.participant);
        break;
      case "waiting_left":
        this.#left(notice.participant_id, notice.reason);
        break;
      case "queues_changed":
        this.#setQueues(notice.queues);
        break;
      case "grants_changed":
        this.#setWaiting(notice.waiting ?? []);
        break;
      default:
        break;
    }
  }

  /** @param {QueueInfo[]} queues */
  #setQueues(queues) {
    const known = new Set([...this.queues.values()].flatMap(({ waiting }) => waiting.map(({ id }) => id)));
    const told = this.queues.size > 0;
    this.queues = new Map(queues.map((queue) => [queue.id, queue]));
    // Whoever stood there before one came is no news.
    if (told) for (const { waiting } of queues) for (const info of waiting) if (!known.has(info.id)) this.emit("queuejoined", info);
    this.emit("waitingchange", null);
  }

  /** @param {WaitingInfo[]} waiting */
  #setWaiting(waiting) {
    this.waiting = new Map(waiting.map((info) => [info.id, info]));
    this.emit("waitingchange", null);
  }

  /** @param {WaitingInfo} info */
  #updated(info) {
    const asked = this.waiting.get(info.id)?.consent_pending ?? false;
    this.waiting.set(info.id, info);
    // With a yes, or when the recording ends, they are let in.
    if (asked && !info.consent_pending) this.emit("waitingrefused", info);
    this.emit("waitingchange", null);
  }

  /**
   * @param {string} id
   * @param {string} reason
   */
  #left(id, reason) {
    const participant = this.waiting.get(id);
    if (participant === undefined) return;
    this.waiting.delete(id);
    this.emit("waitingleft", { participant, reason });
    this.emit("waitingchange", null);
  }
}

/**
 * @param {LobbyInfo} info
 * @returns {LobbyState}
 */
function toState({ position, expected_seconds: expectedSeconds, host_present: hostPresent, messages }) {
  return { position, expectedSeconds, hostPresent, messages };
}
