import { QualityMonitor, levelOf, rateParticipant, rateSending, worse } from "./quality-monitor.js";
import { SoundWatch } from "./sound-watch.js";
import { StatisticsReader, lostAtFirst } from "./statistics.js";
import { UdpReturn } from "./udp-return.js";

/** @import { QualityNotice } from "./protocol.js" */
/** @import { Publisher } from "./publisher.js" */
/** @import { Quality } from "./quality-monitor.js" */
/** @import { Roster } from "./roster.js" */
/** @import { Statistics } from "./statistics.js" */
/** @import { Subscriber } from "./subscriber.js" */

/**
 * How well media flows in a call: what this browser measures, and what the bridge says of everyone's line. Connections that had
 * to leave UDP are brought back to it.
 */
export class CallQuality {
  #publisher;
  #subscriber;
  #roster;
  #changed;
  #monitor;
  /** @type {Quality} */
  #measured = null;
  /** How well one's own media reaches the bridge, as the bridge says. @type {Quality} */
  #line = null;
  #readers = newReaders();
  #sound;
  #returns;

  /**
   * @param {Publisher} publisher
   * @param {Subscriber} subscriber
   * @param {Roster} roster
   * @param {() => void} changed called when the participants' `quality` was measured, or `soundFlows` is another
   */
  constructor(publisher, subscriber, roster, changed) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#roster = roster;
    this.#changed = changed;
    this.#sound = new SoundWatch(() => subscriber.soundPackets());
    this.#sound.on("change", () => this.#changed());
    for (const type of /** @type {const} */ (["sourcechange", "sourceremoved", "participantleft"])) {
      roster.on(type, () => (this.#sound.watching = roster.anyPaused));
    }
    this.#returns = {
      publish: new UdpReturn(() => publisher.restartIce()),
      subscribe: new UdpReturn(() => subscriber.restartIce()),
    };
    // Each has readers of its own: they tell what changed since they were read last.
    const readers = newReaders();
    this.#monitor = new QualityMonitor(() => this.#measure(readers), (statistics) => this.#rate(statistics));
  }

  /** How well one's own media reaches the bridge. @returns {Quality} */
  get own() {
    return worse(this.#line, this.#measured);
  }

  /** Whether sound arrives, looked at while one's line is too weak for somebody's picture; true otherwise. */
  get soundFlows() {
    return this.#sound.flows;
  }

  /** What this browser measures, for the time since the last reading. */
  read() {
    return this.#measure(this.#readers);
  }

  /**
   * @param {QualityNotice} notice
   * @param {boolean} own whether it is of one's own line
   */
  apply({ participant_id: id, publish }, own) {
    const level = levelOf(publish);
    const participant = this.#roster.participants.get(id);
    if (own) this.#line = level;
    else if (participant) {
      participant.line = level;
      participant.quality = level;
    }
    this.#changed();
  }

  close() {
    this.#monitor.close();
    this.#sound.watching = false;
  }

  /**
   * @param {ReturnType<typeof newReaders>} readers
   * @returns {Promise<Statistics>}
   */
  async #measure(readers) {
    const [sent, received] = await Promise.all([this.#publisher.getStats(), this.#subscriber.getStats()]);
    const local = new Map(this.#publisher.sources.map((source) => [source.track?.id, source.id]));
    const remote = new Map();
    for (const { sources } of this.#roster.participants.values()) {
      for (const source of sources.values()) if (source.track) remote.set(source.track.id, source.id);
    }
    const mediaSourceTrack = (/** @type {Record<string, any>} */ stats) =>
      sent?.get(stats["mediaSourceId"])?.trackIdentifier;
    const publish = sent && readers.publish.read(sent, (stats) => local.get(mediaSourceTrack(stats)) ?? null);
    const subscribe =
      received && readers.subscribe.read(received, (stats) => remote.get(stats["trackIdentifier"]) ?? null);
    return {
      publish: publish?.connection ?? null,
      subscribe: subscribe?.connection ?? null,
      sent: publish?.sources ?? new Map(),
      received: subscribe?.sources ?? new Map(),
    };
  }

  /** @param {Statistics} statistics */
  #rate(statistics) {
    this.#measured = rateSending(statistics, this.#publisher.sentTwice);
    this.#returns.publish.look(statistics.publish?.protocol ?? null, this.#publisher.offersUdp);
    this.#returns.subscribe.look(statistics.subscribe?.protocol ?? null, this.#subscriber.offersUdp);
    // While nothing comes back, the line is gone, not thin.
    if (statistics.publish?.received) {
      const { availableBitrate: available, roundTrip } = statistics.publish;
      const sent = [...statistics.sent.values()];
      const lost = Math.max(0, ...sent.map((figures) => figures.lost));
      this.#publisher.measure({ available, lost, lostAtFirst: lostAtFirst(sent), roundTrip });
    }
    for (const participant of this.#roster.participants.values()) {
      participant.quality = worse(participant.line, rateParticipant(participant, statistics));
    }
    this.#changed();
  }
}

function newReaders() {
  return { publish: new StatisticsReader(), subscribe: new StatisticsReader() };
}
