import { Emitter } from "./emitter.js";
import { RemoteParticipant, RemoteSource } from "./participant.js";

/** @import { AudioLevelInfo, Delivery, Notice, ParticipantInfo, SourceInfo } from "./protocol.js" */
/** @import { SubscriptionHost } from "./participant.js" */

/**
 * @typedef {object} RosterEvents
 * @property {RemoteParticipant} participantjoined
 * @property {{ participant: RemoteParticipant, reason: string }} participantleft
 * @property {RemoteParticipant} participantchange
 * @property {RemoteSource} sourceadded
 * @property {RemoteSource} sourceremoved
 * @property {RemoteSource} sourcechange
 * @property {RemoteSource[]} speakers
 * @property {RemoteParticipant | null} activespeaker
 */

/** @type {(keyof RosterEvents)[]} */
export const ROSTER_EVENTS = [
  "participantjoined", "participantleft", "participantchange",
  "sourceadded", "sourceremoved", "sourcechange", "speakers", "activespeaker",
];

/**
 * Who is in the room and what they publish: kept from notices, and from the whole state that comes with each `joined`.
 *
 * @extends {Emitter<{ [Type in keyof RosterEvents]: RosterEvents[Type] }>}
 */
export class Roster extends Emitter {
  /** The others by id, in order of joining. @type {Map<string, RemoteParticipant>} */
  participants = new Map();
  /** Who of them speaks, or spoke last. @type {RemoteParticipant | null} */
  activeSpeaker = null;
  #host;
  #subscribed;

  /**
   * @param {SubscriptionHost} host
   * @param {boolean} subscribed whether sources are received unless told otherwise
   */
  constructor(host, subscribed) {
    super();
    this.#host = host;
    this.#subscribed = subscribed;
  }

  /**
   * @param {string} id
   * @returns {RemoteSource | null}
   */
  source(id) {
    for (const { sources } of this.participants.values()) {
      const source = sources.get(id);
      if (source) return source;
    }
    return null;
  }

  /**
   * Takes the whole state of the room; what differs from before comes as events.
   *
   * @param {ParticipantInfo[]} infos
   */
  reset(infos) {
    const present = new Set(infos.map(({ id }) => id));
    for (const id of [...this.participants.keys()]) if (!present.has(id)) this.#left(id, "connection_lost");
    for (const info of infos) this.#update(info);
    // Those that are not full are told anew.
    for (const { sources } of this.participants.values()) for (const id of sources.keys()) this.#setDelivery(id, "full");
  }

  /** @param {Notice} notice */
  apply(notice) {
    switch (notice.type) {
      case "participant_joined":
      case "participant_updated":
        this.#update(notice.participant);
        break;
      case "participant_left":
        this.#left(notice.participant_id, notice.reason);
        break;
      case "source_added":
      case "source_updated":
        this.#updateSource(notice.participant_id, notice.source);
        break;
      case "source_removed":
        this.#removeSource(this.participants.get(notice.participant_id), notice.source_id);
        break;
      case "audio_levels":
        this.#setLevels(notice.levels);
        break;
      case "active_speaker":
        this.#setActiveSpeaker(notice.participant_id);
        break;
      case "video_state":
        this.#setDelivery(notice.source_id, notice.state);
        break;
      case "media_flow":
        this.#setStalled(notice.source_id, notice.state === "stalled");
        break;
      default:
        break;
    }
  }

  /**
   * Takes which tracks arrive now, by source id.
   *
   * @param {Map<string, MediaStreamTrack>} tracks
   */
  setTracks(tracks) {
    for (const { sources } of this.participants.values()) {
      for (const source of sources.values()) {
        const track = tracks.get(source.id) ?? null;
        if (track === source.track) continue;
        source.track = track;
        this.emit("sourcechange", source);
      }
    }
  }

  /** @param {ParticipantInfo} info */
  #update(info) {
    let participant = this.participants.get(info.id);
    if (participant === undefined) {
      participant = new RemoteParticipant(info);
      this.participants.set(info.id, participant);
      this.emit("participantjoined", participant);
    } else if (differs(participant, info)) {
      const { name, role, state, level, hand_raised: handRaised, companions, may_host: mayHost } = info;
      const { consent_pending: consentPending, consented_by_vendor: consentedByVendor } = info;
      Object.assign(participant, { name, role, state, level, handRaised, companions, mayHost, consentPending, consentedByVendor });
      this.emit("participantchange", participant);
    }
    const present = new Set(info.sources.map(({ id }) => id));
    for (const id of [...participant.sources.keys()]) if (!present.has(id)) this.#removeSource(participant, id);
    for (const source of info.sources) this.#updateSource(info.id, source);
  }

  /**
   * @param {string} id
   * @param {string} reason
   */
  #left(id, reason) {
    const participant = this.participants.get(id);
    if (participant === undefined) return;
    for (const sourceId of [...participant.sources.keys()]) this.#removeSource(participant, sourceId);
    this.participants.delete(id);
    if (this.activeSpeaker === participant) this.#setActiveSpeaker(null);
    this.emit("participantleft", { participant, reason });
  }

  /**
   * @param {string} participantId
   * @param {SourceInfo} info
   */
  #updateSource(participantId, info) {
    const participant = this.participants.get(participantId);
    if (participant === undefined) return;
    const source = participant.sources.get(info.id);
    if (source === undefined) {
      const added = new RemoteSource(this.#host, participant, info);
      added.subscribed = this.#subscribed;
      participant.sources.set(info.id, added);
      this.emit("sourceadded", added);
    } else if (source.muted !== info.muted || source.name !== info.source || source.upload !== info.upload || source.interrupted !== info.interrupted) {
      // Whoever muted itself is not stalled, and starts anew when it unmutes.
      if (source.upload === info.upload && source.interrupted === info.interrupted) source.stalled = false;
      source.muted = info.muted;
      source.upload = info.upload;
      source.interrupted = info.interrupted;
      source.name = info.source;
      this.emit("sourcechange", source);
    }
  }

  /**
   * @param {RemoteParticipant | undefined} participant
   * @param {string} sourceId
   */
  #removeSource(participant, sourceId) {
    const source = participant?.sources.get(sourceId);
    if (participant === undefined || source === undefined) return;
    participant.sources.delete(sourceId);
    source.track = null;
    this.emit("sourceremoved", source);
  }

  /** @param {AudioLevelInfo[]} levels loudest first; who is left out is silent */
  #setLevels(levels) {
    for (const { sources } of this.participants.values()) {
      for (const source of sources.values()) {
        source.level = 0;
        source.speaking = false;
      }
    }
    /** @type {RemoteSource[]} */
    const speakers = [];
    for (const { source_id: sourceId, level, voice } of levels) {
      const source = this.source(sourceId);
      if (source === null) continue;
      source.level = 1 - level / 127;
      source.speaking = voice;
      speakers.push(source);
    }
    this.emit("speakers", speakers);
  }

  /** @param {string | null} id */
  #setActiveSpeaker(id) {
    const participant = this.participants.get(id ?? "");
    // Oneself is not among the others: then whoever spoke before stays.
    if (participant === undefined && id !== null) return;
    if ((participant ?? null) === this.activeSpeaker) return;
    this.activeSpeaker = participant ?? null;
    this.emit("activespeaker", this.activeSpeaker);
  }

  /** Whether one's own line is too weak for somebody's picture. */
  get anyPaused() {
    return [...this.participants.values()].some(({ sources }) => [...sources.values()].some(({ delivery }) => delivery === "paused"));
  }

  /**
   * @param {string} sourceId
   * @param {Delivery} delivery
   */
  #setDelivery(sourceId, delivery) {
    const source = this.source(sourceId);
    if (source === null || source.delivery === delivery) return;
    source.delivery = delivery;
    this.emit("sourcechange", source);
  }

  /**
   * @param {string} sourceId
   * @param {boolean} stalled
   */
  #setStalled(sourceId, stalled) {
    const source = this.source(sourceId);
    if (source === null || source.stalled === stalled) return;
    source.stalled = stalled;
    this.emit("sourcechange", source);
  }
}

/**
 * @param {RemoteParticipant} participant
 * @param {ParticipantInfo} info
 */
function differs({ name, role, state, level, handRaised, companions, mayHost, consentPending, consentedByVendor }, info) {
  return (
    name !== info.name || role !== info.role || state !== info.state || level !== info.level ||
    mayHost !== info.may_host || consentPending !== info.consent_pending || consentedByVendor !== info.consented_by_vendor || handRaised !== info.hand_raised || companions.join("\n") !== info.companions.join("\n")
  );
}
