/** @import { Delivery, Kind, ParticipantInfo, SourceInfo, SourceName } from "./protocol.js" */

/**
 * What a remote source asks of the call.
 *
 * @typedef {object} SubscriptionHost
 * @property {(source: RemoteSource, subscribed: boolean) => Promise<void>} setSubscribed
 * @property {(source: RemoteSource, paused: boolean) => Promise<void>} setPaused
 * @property {(source: RemoteSource, height: number | null) => void} setHeight
 */

/** A microphone, camera or screen that someone else publishes. Read it anew at each `sourcechange` of the call. */
export class RemoteSource {
  #host;

  /**
   * @param {SubscriptionHost} host
   * @param {RemoteParticipant} participant
   * @param {SourceInfo} info
   */
  constructor(host, participant, { id, source, kind, muted, upload, interrupted }) {
    this.#host = host;
    this.participant = participant;
    this.id = id;
    /** @type {Kind} */
    this.kind = kind;
    /** @type {SourceName} */
    this.name = source;
    /** Its owner sends silence or no picture, and says so. */
    this.muted = muted;
    /** What its owner's line makes of it, as `delivery` is what one's own does: nobody gets more of it. @type {Delivery} */
    this.upload = upload;
    /** Its owner's system gives neither sound nor picture for now, as during a telephone call. It comes back by itself: say so. */
    this.interrupted = interrupted;
    /** What arrives; null until it is negotiated. @type {MediaStreamTrack | null} */
    this.track = null;
    /** Media stopped without anyone asking for it: not to be heard or seen, until it is false again. */
    this.stalled = false;
    /** 0 is silence, 1 is loudest; for audio. */
    this.level = 0;
    /** Whether speech is heard; for audio. */
    this.speaking = false;
    /** Whether this client receives it. */
    this.subscribed = true;
    /** Whether receiving is paused. */
    this.paused = false;
    /**
     * What one's own line makes of it, for video: `reduced` is a smaller or slower picture, `stills` a picture now and
     * then, `paused` none. It comes back by itself. Say so: a picture that stands still misleads.
     *
     * @type {Delivery}
     */
    this.delivery = "full";
  }

  /** Whether it does not move, or is gone, for a line's sake: its sender's (`upload`) or one's own (`delivery`). */
  get standing() {
    return isTooLittle(this.delivery) || isTooLittle(this.upload);
  }

  /**
   * Says in how many lines of device pixels it is shown, so that no more is sent; 0: out of sight, null: unknown. See
   * `watchPicture`.
   *
   * @param {number | null} height
   */
  setHeight(height) {
    this.#host.setHeight(this, height);
  }

  /** Receives it. */
  subscribe() {
    return this.#host.setSubscribed(this, true);
  }

  /** Receives it no longer; `subscribe` negotiates anew. */
  unsubscribe() {
    return this.#host.setSubscribed(this, false);
  }

  /** Stops receiving for now, without negotiation: for a picture that nobody looks at. */
  pause() {
    return this.#host.setPaused(this, true);
  }

  /** Goes on receiving after `pause`. */
  resume() {
    return this.#host.setPaused(this, false);
  }
}

/** Someone else in the room. Read it anew at each `participantchange` of the call. */
export class RemoteParticipant {
  /** @param {ParticipantInfo} info */
  constructor({ id, name, role, state, level, hand_raised: handRaised, companions, may_host: mayHost, consent_pending: consentPending, consented_by_vendor: consentedByVendor }) {
    this.id = id;
    this.name = name;
    this.role = role;
    /** `reconnecting`: its signalling is lost; it may come back. @type {"connected" | "reconnecting"} */
    this.state = state;
    /** How surely they are known: of their sign-in, such as `idporten-loa-high`; empty if untold. */
    this.level = level;
    this.handRaised = handRaised;
    /** Names of those who sit at the same camera. */
    this.companions = companions;
    /** Whether a host may hand its office over to them. */
    this.mayHost = mayHost;
    /** Asked to consent to the recording at hand, and yet to answer. */
    this.consentPending = consentPending;
    /** A consent of theirs that counts now was handed in by their vendor's system. */
    this.consentedByVendor = consentedByVendor;
    /** By id. @type {Map<string, RemoteSource>} */
    this.sources = new Map();
    /** How well its media arrives: 3 good, 2 fair, 1 poor, 0 nothing, null unknown. @type {0 | 1 | 2 | 3 | null} */
    this.quality = null;
    /** How well what it sends reaches the bridge, as the bridge estimates. @type {0 | 1 | 2 | 3 | null} */
    this.line = null;
  }

  /**
   * Its first source of a kind.
   *
   * @param {SourceName} name
   */
  source(name) {
    for (const source of this.sources.values()) if (source.name === name) return source;
    return null;
  }
}

/** @param {Delivery} part */
function isTooLittle(part) {
  return part === "stills" || part === "paused";
}
