/**
 * What WebRTC statistics say about each source, per second, and what that means for people.
 */

/**
 * @typedef {object} SourceStatistics
 * @property {number} bitrate bit/s
 * @property {number} packets since the last reading
 * @property {number} lost share of packets lost since the last reading, 0 to 1. Of what is sent as the bridge reports it: sound that came when
 *   it was sent again counts as received, and pictures do not, since they come by a stream of their own then (RFC 4588)
 * @property {number} resent share of the packets sent since the last reading that had to be sent again, 0 to 1; 0 of what is received
 * @property {number | null} jitter seconds
 * @property {number | null} framesPerSecond
 * @property {number | null} width pixels
 * @property {number | null} height pixels
 * @property {number} concealed share of the sound that had to be made up since the last reading, 0 to 1
 * @property {number} frozen share of the time that the picture stood still since the last reading, 0 to 1
 */

/**
 * @typedef {object} ConnectionStatistics
 * @property {number | null} roundTrip seconds
 * @property {number | null} availableBitrate bit/s, of what is sent
 * @property {"udp" | "tcp" | null} protocol
 * @property {number} received bytes since the last reading
 */

/**
 * @typedef {object} Statistics
 * @property {ConnectionStatistics | null} publish
 * @property {ConnectionStatistics | null} subscribe
 * @property {Map<string, SourceStatistics>} sent by id of one's own source
 * @property {Map<string, SourceStatistics>} received by id of the others' sources
 */

/** Counters as they stood at the last reading, by the id of the statistics object. @typedef {Map<string, Record<string, any>>} Reading */

/** Turns the counters of one connection's readings into figures for the time between them. */
export class StatisticsReader {
  /** @type {Reading} */
  #last = new Map();
  #received = 0;

  /**
   * @param {RTCStatsReport} report
   * @param {(stats: Record<string, any>) => string | null} sourceOf the source id of an inbound-rtp or outbound-rtp
   * @returns {{ connection: ConnectionStatistics, sources: Map<string, SourceStatistics> }}
   */
  read(report, sourceOf) {
    /** @type {Map<string, SourceStatistics>} */
    const sources = new Map();
    /** @type {Reading} */
    const reading = new Map();
    const remote = new Map();
    report.forEach((stats) => {
      if (stats.type === "remote-inbound-rtp") remote.set(stats.localId, stats);
    });
    report.forEach((stats) => {
      if (stats.type !== "inbound-rtp" && stats.type !== "outbound-rtp") return;
      const id = sourceOf(stats);
      if (id === null) return;
      const counters = { ...stats, remoteLost: remote.get(stats.id)?.fractionLost ?? 0 };
      reading.set(stats.id, counters);
      const last = this.#last.get(stats.id);
      if (last) sources.set(id, compare(last, counters));
    });
    this.#last = reading;
    const { bytes, ...connection } = readConnection(report);
    const received = Math.max(0, bytes - this.#received);
    this.#received = bytes;
    return { connection: { ...connection, received }, sources };
  }
}

/**
 * @param {Record<string, any>} last
 * @param {Record<string, any>} now
 * @returns {SourceStatistics}
 */
function compare(last, now) {
  const seconds = Math.max((now.timestamp - last.timestamp) / 1000, 0.001);
  /** @param {string} name */
  const grown = (name) => Math.max(0, (now[name] ?? 0) - (last[name] ?? 0));
  const inbound = now.type === "inbound-rtp";
  const packets = grown(inbound ? "packetsReceived" : "packetsSent");
  const lost = grown("packetsLost");
  const resent = inbound ? 0 : grown("retransmittedPacketsSent");
  const samples = grown("totalSamplesReceived");
  return {
    bitrate: (grown(inbound ? "bytesReceived" : "bytesSent") * 8) / seconds,
    packets,
    lost: inbound ? lost / Math.max(1, packets + lost) : now.remoteLost,
    resent: Math.min(1, resent / Math.max(1, packets - resent)),
    jitter: now.jitter ?? null,
    framesPerSecond: now.framesPerSecond ?? null,
    width: now.frameWidth ?? null,
    height: now.frameHeight ?? null,
    concealed: samples > 0 ? Math.min(1, (grown("concealedSamples") - grown("silentConcealedSamples")) / samples) : 0,
    frozen: Math.min(1, grown("totalFreezesDuration") / seconds),
  };
}

/**
 * @param {RTCStatsReport} report
 * @returns {Omit<ConnectionStatistics, "received"> & { bytes: number }} `bytes` that were received so far
 */
function readConnection(report) {
  /** @type {Record<string, any> | null} */
  let pair = null;
  /** @type {string | undefined} */
  let selected;
  report.forEach((stats) => {
    if (stats.type === "transport") selected ??= stats.selectedCandidatePairId;
    // Firefox has no transport statistics; both mark the pair in use as nominated, though late on a bad line.
    if (stats.type === "candidate-pair" && stats.nominated && stats.state === "succeeded") {
      if (pair === null || (stats.bytesReceived ?? 0) > (pair["bytesReceived"] ?? 0)) pair = stats;
    }
  });
  /** @type {Record<string, any>} */
  const chosen = report.get(selected ?? "") ?? pair ?? {};
  return {
    roundTrip: chosen["currentRoundTripTime"] ?? null,
    availableBitrate: chosen["availableOutgoingBitrate"] ?? null,
    bytes: chosen["bytesReceived"] ?? 0,
    protocol: report.get(chosen["localCandidateId"])?.protocol ?? null,
  };
}

/**
 * What the line lost of all that was sent, whether or not it came at the second try. What was sent again is reported as lost too, or not: see
 * `SourceStatistics`.
 *
 * @param {Pick<SourceStatistics, "packets" | "lost" | "resent">[]} sent
 * @returns {number} a share, 0 to 1
 */
export function lostAtFirst(sent) {
  let packets = 0;
  let lost = 0;
  for (const figures of sent) {
    packets += figures.packets;
    lost += figures.packets * Math.max(figures.lost, figures.resent);
  }
  return Math.min(1, lost / Math.max(1, packets));
}

/**
 * How much a device has given so far, in pictures or in energy of sound: from the report of its sender.
 *
 * @param {RTCStatsReport} report
 * @returns {number | null} null where the browser does not say
 */
export function readProgress(report) {
  /** @type {number | null} */
  let progress = null;
  report.forEach((stats) => {
    if (stats.type === "media-source") progress = stats.frames ?? stats.totalAudioEnergy ?? null;
  });
  return progress;
}

/**
 * How good a received source is for people: 3 good, 2 fair, 1 poor, 0 nothing arrives.
 *
 * The bounds are where speech starts to suffer (2 % and 8 % loss, ITU-T G.107 with Opus concealment) and where a frozen
 * picture is noticed.
 *
 * @param {SourceStatistics} statistics
 * @returns {0 | 1 | 2 | 3}
 */
export function rate({ packets, lost, concealed, frozen }) {
  if (packets === 0) return 0;
  if (lost > 0.08 || concealed > 0.1 || frozen > 0.3) return 1;
  if (lost > 0.02 || concealed > 0.03 || frozen > 0.05) return 2;
  return 3;
}
