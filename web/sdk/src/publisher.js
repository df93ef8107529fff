import { canRepeatSound, preferPicture, preferSound } from "./codecs.js";
import { ConnectionWatch } from "./connection.js";
import { Emitter } from "./emitter.js";
import { SOUND_BITRATE, encodingsFor } from "./encodings.js";
import { BridgeError, ConnectionError, RequestError } from "./errors.js";
import { RepeatedSound } from "./repeated-sound.js";
import { setLocalDescriptionWithSoundRepair } from "./sound-repair.js";
import { SourceSender } from "./source-sender.js";
import { readProgress } from "./statistics.js";
import { ThinUpload } from "./thin-upload.js";
import { addTransceiver, holds, sizeOf } from "./transceivers.js";
import { offersUdp } from "./udp-return.js";

/** @import { MediaState } from "./connection.js" */
/** @import { LocalSource } from "./local-source.js" */
/** @import { EncodingsNotice, OwnSourceInfo, Published } from "./protocol.js" */
/** @import { Session } from "./session.js" */
/** @import { Measurement } from "./thin-upload.js" */

/**
 * To how much of its estimate at the last look a browser is held while it sends more than it takes account of: it paces at 1.1 times of
 * that, and makes less by itself where the estimate has fallen since. Held to all of it and no more, it comes to believe in less and less.
 */
const FILLED = 1.08;

/** @typedef {{ resolve: () => void, reject: (error: unknown) => void }} Waiter */

/**
 * The publish connection: this offers, the bridge answers.
 *
 * It holds what should be published and negotiates until the bridge has just that, one offer at a time. What a lost
 * network interrupts is done when the session is back; what the bridge refuses is an error to whoever asked for it.
 *
 * @extends {Emitter<{ state: MediaState, spent: null }>}
 */
export class Publisher extends Emitter {
  #session;
  #createConnection;
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  /** @type {ConnectionWatch | null} */
  #watch = null;
  /** What should be published, each on its transceiver once it has one. @type {Map<LocalSource, RTCRtpTransceiver | null>} */
  #sources = new Map();
  /** How each transceiver's encodings are set. @type {WeakMap<RTCRtpTransceiver, SourceSender>} */
  #senders = new WeakMap();
  /** How many encodings a transceiver was made with. @type {WeakMap<RTCRtpTransceiver, number>} */
  #encodings = new WeakMap();
  #saving = false;
  #upload = new ThinUpload();
  #repeatedSound = new RepeatedSound();
  /** @type {Waiter[]} */
  #waiters = [];
  /** Why the bridge did not take a source of the last offer. @type {WeakMap<LocalSource, RequestError>} */
  #refusals = new WeakMap();
  #offerWanted = false;
  #restartWanted = false;
  #negotiating = false;
  /** Counts the stays in the room: what was asked for in an earlier one is void. */
  #stay = 0;
  // One stream for a person and one for a screen, so that receivers keep a voice in step with its face.
  #streams = { person: new MediaStream(), screen: new MediaStream() };

  /**
   * @param {Session} session
   * @param {() => RTCPeerConnection} createConnection
   */
  constructor(session, createConnection) {
    super();
    this.#session = session;
    this.#createConnection = createConnection;
    session.on("joined", ({ resumed, own_sources: ownSources }) => {
      if (resumed) this.#reconcile(ownSources);
      else this.#reset();
      this.#negotiate();
    });
    session.on("notice", (notice) => {
      if (notice.type === "ice_restart_requested") this.restartIce();
      if (notice.type === "encodings") this.#want(notice);
    });
    session.on("closed", () => {
      for (const { reject } of this.#waiters.splice(0)) reject(new ConnectionError("left", "The call is over."));
    });
  }

  /** @returns {MediaState} */
  get state() {
    return this.#watch?.state ?? "idle";
  }

  /** What is published or about to be. */
  get sources() {
    return [...this.#sources.keys()];
  }

  /**
   * Ids of the sources of which what is lost is reported as lost though it comes by another way: pictures by a stream of their own
   * (RFC 4588), and sound that is repeated with the next packet. @returns {ReadonlySet<string>}
   */
  get sentTwice() {
    const twice = this.sources.filter(({ kind }) => kind === "video" || this.#repeatedSound.wanted);
    return new Set(twice.flatMap(({ id }) => (id === null ? [] : [id])));
  }

  /** Whether the bridge would take UDP. */
  get offersUdp() {
    return offersUdp(this.#connection);
  }

  /** @returns {Promise<RTCStatsReport | null>} */
  async getStats() {
    return (await this.#connection?.getStats()) ?? null;
  }

  /** @param {boolean} saving whether only the smallest encoding of each source is sent */
  setSaving(saving) {
    this.#saving = saving;
    for (const transceiver of this.#sources.values()) if (transceiver) this.#senders.get(transceiver)?.save(saving);
  }

  /**
   * Takes in what one's own line is like. Where it does not carry sound and the smallest pictures, fewer frames of them are sent,
   * then still ones, then none.
   *
   * @param {Measurement} measured
   */
  measure(measured) {
    if (canRepeatSound()) this.#weighRepetition(measured);
    if (measured.available !== null) this.#carries(measured.available);
    const seen = this.#videos().some(([{ muted }, transceiver]) => !muted && this.#senders.get(transceiver)?.wanted);
    // What is not sent says nothing of the line.
    if (!seen || !this.#upload.measure(measured)) return;
    for (const [source, transceiver] of this.#videos()) {
      this.#bound(transceiver);
      source.setUpload(this.#upload.upload);
      this.announce(source).catch(() => undefined);
    }
  }

  /** @returns {[LocalSource, RTCRtpTransceiver][]} */
  #videos() {
    return [...this.#sources].flatMap(([source, transceiver]) =>
      source.kind === "video" && transceiver ? [/** @type {[LocalSource, RTCRtpTransceiver]} */ ([source, transceiver])] : [],
    );
  }

  /** @returns {RTCRtpTransceiver[]} */
  #sounds() {
    return [...this.#sources].flatMap(([{ kind }, transceiver]) => (kind === "audio" && transceiver ? [transceiver] : []));
  }

  /** @param {RTCRtpTransceiver} transceiver of a sound */
  #boundSound(transceiver) {
    this.#senders.get(transceiver)?.bound({ bitrate: this.#repeatedSound.bitrate, frames: Infinity });
  }

  /** @param {RTCRtpTransceiver} transceiver of a picture */
  #bound(transceiver) {
    const { bitrate, frames } = this.#upload.bound;
    const pictures = this.#videos().filter(([{ muted }]) => !muted).length;
    this.#senders.get(transceiver)?.bound({ bitrate: bitrate / Math.max(1, pictures), frames });
  }

  /** @param {Measurement} measured */
  #weighRepetition(measured) {
    const { bitrate } = this.#repeatedSound;
    const moving = this.#videos().filter(([{ muted }]) => !muted);
    if (this.#repeatedSound.measure(measured, moving.length > 1)) this.#repeatSound();
    if (this.#repeatedSound.bitrate !== bitrate) for (const transceiver of this.#sounds()) this.#boundSound(transceiver);
  }

  /** Offers anew where there is sound: browsers choose among codecs by their order in what was agreed on, and by nothing else. */
  #repeatSound() {
    const sounds = this.#sounds();
    for (const transceiver of sounds) preferSound(transceiver, this.#repeatedSound.wanted);
    if (sounds.length === 0) return;
    this.#offerWanted = true;
    this.#negotiate();
  }

  /**
   * Where the line is too thin for all sizes of a picture, the best alone is sent. With several pictures at a time they all
   * stay, since which of them the browser spends it on is not known. Where it is too thin for sound in short frames, those become longer.
   *
   * @param {number} bitrate bit/s, as the browser estimates it
   */
  #carries(bitrate) {
    for (const transceiver of this.#sounds()) this.#senders.get(transceiver)?.shares(bitrate);
    const videos = [...this.#sources].filter(([{ kind, muted }]) => kind === "video" && !muted);
    const sounds = this.sources.flatMap(({ name }) => (name === "microphone" || name === "screen_audio" ? [SOUND_BITRATE[name]] : []));
    const sound = sounds.reduce((sum, each) => sum + this.#repeatedSound.onTheWire(each), 0);
    const rest = this.#repeatedSound.displaces && videos.length === 1 ? FILLED * bitrate - sound : Infinity;
    for (const [, transceiver] of videos) if (transceiver) this.#senders.get(transceiver)?.hold(rest);
    const [video] = videos;
    if (videos.length !== 1 || !video?.[1]) return;
    this.#senders.get(video[1])?.carries(bitrate - sound);
  }

  /**
   * Publishes a source. Resolves when the room has it.
   *
   * @param {LocalSource} source
   */
  async add(source) {
    this.#sources.set(source, null);
    try {
      await this.#negotiated();
      if (source.id === null) throw this.#refusals.get(source) ?? notPublished();
    } catch (error) {
      this.#forget(source);
      throw error;
    }
  }

  /**
   * Takes a source out of the room.
   *
   * @param {LocalSource} source
   */
  async remove(source) {
    if (!this.#sources.has(source)) return;
    this.#forget(source);
    source.assignId(null);
    await this.#negotiated();
  }

  /**
   * Sends another track, or none, in place of a source's track. No negotiation takes place.
   *
   * @param {LocalSource} source
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(source, track) {
    const transceiver = this.#sources.get(source);
    await transceiver?.sender.replaceTrack(track);
    if (transceiver && track) await this.#senders.get(transceiver)?.send(source.name, sizeOf(source), source.codec);
  }

  /**
   * How much a source's device has given so far: pictures, or energy of sound; null where the browser does not say.
   *
   * @param {LocalSource} source
   */
  async progress(source) {
    const report = await this.#sources.get(source)?.sender.getStats();
    return report ? readProgress(report) : null;
  }

  /**
   * Tells the others what a source is, whether it is muted or interrupted, and what one's line makes of it. Without a connection it is told when it is back.
   *
   * @param {LocalSource} source
   */
  async announce(source) {
    if (source.id === null) return;
    const message = { source_id: source.id, muted: source.muted, source: source.name, upload: source.upload, interrupted: source.interrupted };
    try {
      await this.#session.request({ type: "update_source", ...message });
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
    }
  }

  /** Offers with new ICE credentials; waits for the signalling to come back if need be. */
  restartIce() {
    if (this.#connection === null) return;
    this.#restartWanted = true;
    this.#offerWanted = true;
    this.#negotiate();
  }

  /** Nothing is published any more, and the bridge has let go of the connection: one is in the lobby. */
  drop() {
    for (const source of this.#sources.keys()) source.assignId(null);
    this.#sources.clear();
    this.#stay += 1;
    this.#offerWanted = false;
    this.#restartWanted = false;
    for (const { reject } of this.#waiters.splice(0)) reject(new ConnectionError("left", "One waits in the lobby."));
    this.close();
  }

  close() {
    this.#watch?.close();
    this.#connection?.close();
    this.#watch = null;
    this.#connection = null;
  }

  /** The bridge knows nothing of us any more: everything is offered anew on a new connection. */
  #reset() {
    this.close();
    this.#restartWanted = false;
    this.#offerWanted = this.#sources.size > 0;
    for (const source of this.#sources.keys()) {
      source.assignId(null);
      this.#sources.set(source, null);
    }
  }

  /**
   * After a resume: tells what changed while nobody listened.
   *
   * @param {OwnSourceInfo[]} ownSources
   */
  #reconcile(ownSources) {
    for (const own of ownSources) {
      const source = this.sources.find(({ id }) => id === own.id);
      if (source && (source.name !== own.source || differs(source, own))) this.announce(source).catch(() => undefined);
    }
  }

  /** @param {LocalSource} source */
  #forget(source) {
    const transceiver = this.#sources.get(source);
    this.#sources.delete(source);
    if (transceiver && transceiver.direction !== "stopped") {
      transceiver.direction = "inactive";
      transceiver.sender.replaceTrack(null).catch(() => undefined);
    }
  }

  /** @returns {Promise<void>} settled by the next negotiation that begins from now on */
  #negotiated() {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#offerWanted = true;
      this.#negotiate();
    });
  }

  async #negotiate() {
    if (this.#negotiating) return;
    this.#negotiating = true;
    // What is published in the same turn, such as microphone and camera, goes into one offer.
    await null;
    while (this.#offerWanted && this.#session.joined) {
      this.#offerWanted = false;
      const waiters = this.#waiters.splice(0);
      const stay = this.#stay;
      try {
        await this.#offer();
        for (const { resolve } of waiters) resolve();
      } catch (error) {
        if (error instanceof ConnectionError && error.code !== "left" && stay === this.#stay) {
          this.#offerWanted = true;
          this.#waiters.unshift(...waiters);
        } else {
          for (const { reject } of waiters) reject(error);
        }
      }
    }
    this.#negotiating = false;
  }

  async #offer() {
    const connection = this.#connection ?? this.#open();
    await this.#placeSources(connection);
    const made = await connection.createOffer({ iceRestart: this.#restartWanted });
    await setLocalDescriptionWithSoundRepair(connection, made);
    const sources = [...this.#sources].flatMap(([{ name, muted }, transceiver]) =>
      transceiver?.mid ? [{ mid: transceiver.mid, source: name, muted }] : [],
    );
    /** @type {Published} */
    let published;
    try {
      const offer = connection.localDescription?.sdp ?? "";
      published = await this.#session.request({ type: "publish", offer, sources });
    } catch (error) {
      // Refused: back to what both sides agreed on. Lost: the next offer takes this one's place.
      if (!(error instanceof ConnectionError)) await rollBack(connection);
      throw error;
    }
    if (connection !== this.#connection) throw new ConnectionError("connection_lost", "The session was begun anew.");
    await connection.setRemoteDescription({ type: "answer", sdp: published.answer });
    this.#restartWanted = false;
    for (const [source, transceiver] of this.#sources) {
      const own = published.sources.find(({ mid }) => mid === transceiver?.mid);
      source.assignId(own?.id ?? null);
      const refusal = published.rejected.find(({ mid }) => mid !== null && mid === transceiver?.mid);
      if (refusal) this.#refusals.set(source, new RequestError(refusal.code, refusal.message));
      if (own && differs(source, own)) this.announce(source).catch(() => undefined);
    }
  }

  /**
   * Gives each source that has none a transceiver, one that fell free where there is any.
   *
   * @param {RTCPeerConnection} connection
   */
  async #placeSources(connection) {
    const taken = new Set(this.#sources.values());
    this.#stopUseless(connection, taken);
    for (const [source, placed] of this.#sources) {
      if (placed) continue;
      const free = connection
        .getTransceivers()
        .find((candidate) => candidate.direction === "inactive" && !taken.has(candidate) && candidate.sender.track === null
          && candidate.receiver.track.kind === source.kind && holds(candidate, source));
      const size = sizeOf(source);
      const encodings = encodingsFor(source.name, size, source.codec);
      if (free) {
        free.direction = "sendonly";
        await free.sender.replaceTrack(source.track);
      }
      const transceiver = free ?? addTransceiver(connection, source, this.#streams, encodings);
      if (!free) this.#encodings.set(transceiver, encodings.length);
      const sender = new SourceSender(transceiver.sender);
      this.#senders.set(transceiver, sender);
      sender.save(this.#saving);
      if (source.kind === "video") preferPicture(transceiver, source.codec);
      else preferSound(transceiver, this.#repeatedSound.wanted);
      await sender.send(source.name, size, source.codec);
      taken.add(transceiver);
      this.#sources.set(source, transceiver);
      if (source.kind !== "video") {
        this.#boundSound(transceiver);
        continue;
      }
      this.#bound(transceiver);
      source.setUpload(this.#upload.upload);
    }
  }

  /**
   * Firefox leaves one encoding of those of a sender that was inactive: that is too few for a screen or a camera. Where it
   * is stopped, its m-line is used again for a new one; otherwise each would add another.
   *
   * @param {RTCPeerConnection} connection
   * @param {Set<RTCRtpTransceiver | null>} taken
   */
  #stopUseless(connection, taken) {
    // The first m-line carries the transport of all.
    const [, ...others] = connection.getTransceivers();
    for (const transceiver of others) {
      const made = this.#encodings.get(transceiver);
      if (made !== undefined && !taken.has(transceiver) && transceiver.currentDirection === "inactive"
        && transceiver.direction === "inactive" && transceiver.sender.getParameters().encodings.length < made) {
        transceiver.stop();
      }
    }
  }

  /**
   * Stops the encodings that nobody receives, starts again those that somebody does, and sends no more of them than
   * the best of their lines takes.
   *
   * @param {EncodingsNotice} notice
   */
  #want(notice) {
    const source = this.sources.find((candidate) => candidate.id === notice.source_id);
    const transceiver = source && this.#sources.get(source);
    if (transceiver) this.#senders.get(transceiver)?.want(notice);
  }

  #open() {
    const connection = this.#createConnection();
    const watch = new ConnectionWatch(connection);
    watch.on("state", (state) => this.emit("state", state));
    watch.on("restart", () => this.restartIce());
    watch.on("spent", () => this.emit("spent", null));
    this.#connection = connection;
    this.#watch = watch;
    return connection;
  }
}

/**
 * Whether the others know something else of a source than what holds.
 *
 * @param {LocalSource} source
 * @param {OwnSourceInfo} own
 */
function differs({ muted, upload, interrupted }, own) {
  return own.muted !== muted || own.upload !== upload || own.interrupted !== interrupted;
}

function notPublished() {
  return new RequestError("not_published", "The bridge took the offer but not this source.");
}

/** @param {RTCPeerConnection} connection */
async function rollBack(connection) {
  if (connection.signalingState !== "have-local-offer") return;
  await connection.setLocalDescription({ type: "rollback" }).catch((error) => {
    throw new BridgeError("publish_failed", "The publish connection cannot go back to its last state.", { cause: error });
  });
}
