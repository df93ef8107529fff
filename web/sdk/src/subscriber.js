import { ConnectionWatch } from "./connection.js";
import { Emitter } from "./emitter.js";
import { BridgeError } from "./errors.js";
import { setLocalDescriptionWithSoundRepair } from "./sound-repair.js";
import { offersUdp } from "./udp-return.js";

/** @import { MediaState } from "./connection.js" */
/** @import { Session } from "./session.js" */
/** @import { SubscribeOffer } from "./protocol.js" */

/**
 * The subscribe connection: the bridge offers, this answers.
 *
 * `tracks` maps each source id to the track that carries it, whenever that has changed; `composed` is the one picture of
 * everybody, null where there is none.
 *
 * @extends {Emitter<{ tracks: Map<string, MediaStreamTrack>, composed: MediaStreamTrack | null, state: MediaState, spent: null, failed: BridgeError }>}
 */
export class Subscriber extends Emitter {
  #session;
  #createConnection;
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  /** @type {ConnectionWatch | null} */
  #watch = null;
  /** The newest offer that was not looked at yet; older ones are void. @type {SubscribeOffer | null} */
  #pending = null;
  #answering = false;
  #restartWanted = false;

  /**
   * @param {Session} session
   * @param {() => RTCPeerConnection} createConnection
   */
  constructor(session, createConnection) {
    super();
    this.#session = session;
    this.#createConnection = createConnection;
    session.on("notice", (notice) => {
      if (notice.type === "subscribe_offer") this.#offered(notice);
    });
    session.on("joined", ({ resumed }) => {
      if (!resumed) this.drop();
      else if (this.#restartWanted) this.restartIce();
    });
  }

  /** @returns {MediaState} */
  get state() {
    return this.#watch?.state ?? "idle";
  }

  /** Whether the bridge would take UDP. */
  get offersUdp() {
    return offersUdp(this.#connection);
  }

  /** @returns {Promise<RTCStatsReport | null>} */
  async getStats() {
    return (await this.#connection?.getStats()) ?? null;
  }

  /**
   * Packets of sound that have arrived so far, of everybody; null where none are expected.
   *
   * @returns {Promise<number | null>}
   */
  async soundPackets() {
    /** @type {number | null} */
    let packets = null;
    (await this.getStats())?.forEach((stats) => {
      if (stats.type === "inbound-rtp" && stats.kind === "audio") packets = (packets ?? 0) + (stats.packetsReceived ?? 0);
    });
    return packets;
  }

  /** Asks the bridge for an offer with new ICE credentials; waits for the signalling to come back if need be. */
  restartIce() {
    if (this.#connection === null) return;
    this.#restartWanted = true;
    this.#session.request({ type: "restart_ice", connection: "subscribe" }).then(
      () => {
        this.#restartWanted = false;
      },
      () => undefined,
    );
  }

  close() {
    this.#watch?.close();
    this.#connection?.close();
    this.#watch = null;
    this.#connection = null;
    this.#pending = null;
  }

  /** The bridge knows nothing of the old connection: the next offer starts a new one. */
  drop() {
    this.close();
    this.#restartWanted = false;
    this.emit("tracks", new Map());
    this.emit("composed", null);
    this.emit("state", "idle");
  }

  /** @param {SubscribeOffer} offer */
  #offered(offer) {
    this.#pending = offer;
    if (!this.#answering) this.#answerAll();
  }

  async #answerAll() {
    this.#answering = true;
    while (this.#pending !== null) {
      const offer = this.#pending;
      this.#pending = null;
      try {
        await this.#answer(offer);
      } catch (error) {
        // A lost network, a newer offer or a reset void this offer; the bridge makes another one.
        if (!(error instanceof BridgeError) && this.#connection?.signalingState !== "closed") {
          const failure = new BridgeError("subscribe_failed", "The bridge's offer could not be answered.", { cause: error });
          this.emit("failed", failure);
        }
      }
    }
    this.#answering = false;
  }

  /** @param {SubscribeOffer} offer */
  async #answer({ negotiation, offer, tracks }) {
    const connection = this.#connection ?? this.#open();
    await connection.setRemoteDescription({ type: "offer", sdp: offer });
    await setLocalDescriptionWithSoundRepair(connection, await connection.createAnswer());
    const answer = connection.localDescription?.sdp ?? "";
    this.#publishTracks(connection, tracks);
    await this.#session.request({ type: "subscribe_answer", negotiation, answer });
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {SubscribeOffer["tracks"]} tracks
   */
  #publishTracks(connection, tracks) {
    const byMid = new Map(connection.getTransceivers().map(({ mid, receiver }) => [mid, receiver.track]));
    /** @type {Map<string, MediaStreamTrack>} */
    const bySource = new Map();
    let composed = null;
    for (const { mid, source_id: sourceId, source } of tracks) {
      const track = byMid.get(mid);
      if (track && sourceId !== null) bySource.set(sourceId, track);
      else if (track && source === "composed") composed = track;
    }
    this.emit("tracks", bySource);
    this.emit("composed", composed);
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
