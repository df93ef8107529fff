/** The first samples are left out of rates: milliseconds. Senders find out meanwhile what the line carries. */
const WARM_UP = 3_000;

/** @typedef {ReadonlyMap<string, any>} Stats an RTCStatsReport */
/** @typedef {{ at: number, up: number, down: number }} Sample bytes so far */

/**
 * Reads a test's connections (W3C WebRTC statistics), sample by sample, and says what the line is like. Sound tells of loss and
 * jitter: nobody repairs it. Pictures tell of rates: they take what there is.
 */
export class LineMeter {
  /** @type {Sample[]} */
  #samples = [];
  /** @type {number[]} */
  #roundTrips = [];
  #jitter = /** @type {number | null} */ (null);
  #available = /** @type {number | null} */ (null);
  #lossUp = /** @type {number | null} */ (null);
  #lossBoth = /** @type {number | null} */ (null);

  /**
   * @param {Stats} sending of the connection that sends
   * @param {Stats} receiving of the connection that gets it back
   */
  add(sending, receiving) {
    const sent = [...sending.values()];
    const received = [...receiving.values()];
    this.#samples.push({
      at: sent.at(0)?.timestamp ?? 0,
      up: sum(of("outbound-rtp", sent), "bytesSent", "headerBytesSent"),
      down: sum(of("inbound-rtp", received), "bytesReceived", "headerBytesReceived"),
    });
    const pair = of("candidate-pair", sent).find(({ nominated, state }) => nominated && state === "succeeded");
    const reports = of("remote-inbound-rtp", sent);
    const roundTrip = reports.find(({ roundTripTime }) => roundTripTime > 0)?.roundTripTime ?? pair?.currentRoundTripTime;
    if (roundTrip > 0) this.#roundTrips.push(roundTrip * 1000);
    if (pair?.availableOutgoingBitrate > 0) this.#available = pair.availableOutgoingBitrate;
    const voiceSent = of("outbound-rtp", sent).find(({ kind }) => kind === "audio");
    const voiceReport = reports.find(({ kind }) => kind === "audio");
    if (voiceReport && voiceSent?.packetsSent > 0) this.#lossUp = Math.max(0, voiceReport.packetsLost) / voiceSent.packetsSent;
    const voice = of("inbound-rtp", received).find(({ kind }) => kind === "audio");
    if (voice === undefined) return;
    const lost = Math.max(0, voice.packetsLost);
    if (lost + voice.packetsReceived > 0) this.#lossBoth = lost / (lost + voice.packetsReceived);
    if (voice.jitter !== undefined) this.#jitter = voice.jitter * 1000;
  }

  /**
   * @param {number | null} estimate what the bridge takes the line towards this client for, bit/s
   */
  report(estimate) {
    const up = this.#rate("up");
    const down = this.#rate("down");
    return {
      roundTrip: median(this.#roundTrips),
      jitter: this.#jitter,
      lossUp: this.#lossUp,
      // What was lost on its way up cannot come down.
      lossDown: this.#lossBoth === null ? null : Math.max(0, this.#lossBoth - (this.#lossUp ?? 0)),
      rateUp: most(up, this.#available),
      rateDown: most(down, estimate),
    };
  }

  /** @param {"up" | "down"} direction */
  #rate(direction) {
    const begun = this.#samples[0]?.at ?? 0;
    const used = this.#samples.filter(({ at }) => at >= begun + WARM_UP);
    const first = used[0];
    const last = used.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return null;
    return ((last[direction] - first[direction]) * 8000) / (last.at - first.at);
  }
}

/** @param {string} type @param {any[]} stats @returns {any[]} */
function of(type, stats) {
  return stats.filter((entry) => entry.type === type);
}

/** @param {any[]} entries @param {...string} names */
function sum(entries, ...names) {
  return entries.reduce((total, entry) => total + names.reduce((part, name) => part + (entry[name] ?? 0), 0), 0);
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** @param {number | null} one @param {number | null} other */
function most(one, other) {
  return one === null ? other : Math.max(one, other ?? 0);
}
