/**
 * Runs in the page before its own scripts: what is seen, heard, sent and told, without touching what the page does.
 *
 * `camera` is what installCamera returned, `names` the participants' names by their number.
 */
function installMeter(camera, names) {
  const { readStamp, wallClock } = camera;
  const own = names[camera.number] ?? null;
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  /** [peer, source, at, sent, width, height] of each new picture. */
  let frames = [];
  /** [at, kind, text] */
  let notices = [];
  const note = (kind, text = "") => notices.length < 5000 && notices.push([wallClock(), kind, String(text).slice(0, 300)]);

  // Connections, and which stream is whose: told by the bridge's own protocol where a page speaks that.
  const people = new Map();
  const incoming = new Map();
  const outgoing = new Map();
  let socket = null;
  let lastStats = null;
  let session = null;
  const STATS_ID = 900_000_000;
  let statsAsked = 0;

  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      connections.push(this);
      this.addEventListener("connectionstatechange", () => note("connection", this.connectionState));
    }
  };

  /** Requests, of which only kind and size are told: they carry descriptions and tokens. */
  function asked(data) {
    const { type, id, sources } = JSON.parse(data);
    if (type === "publish") for (const { mid, source } of sources ?? []) outgoing.set(mid, source);
    if (!(id >= STATS_ID) && type !== "ping") note(`request.${type}`, `${data.length} characters`);
  }

  const QUIET = new Set(["audio_levels", "subscribe_offer", "speakers", "pong", "done"]);
  function heard(event, data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.reply_to >= STATS_ID) {
      event.stopImmediatePropagation();
      lastStats = message;
      return;
    }
    if (message.type === "joined") {
      note("joined");
      session = message.session.id;
      for (const { id, name } of message.participants) people.set(id, name);
    } else if (message.type === "participant_joined") {
      people.set(message.participant.id, message.participant.name);
      note("participant_joined", message.participant.name);
    } else if (message.type === "participant_left") {
      people.delete(message.participant_id);
      note("notice.participant_left");
    } else if (message.type === "subscribe_offer") {
      note("notice.subscribe_offer", `${data.length} characters`);
      for (const { mid, participant_id: id, source } of message.tracks) incoming.set(mid, { peer: people.get(id) ?? "", source });
    } else if (!QUIET.has(message.type) && message.reply_to === undefined) {
      const { type, ...rest } = message;
      note(`notice.${type}`, JSON.stringify(rest));
    } else if (message.type === "error") {
      note("error", `${message.code}: ${message.message}`);
    }
  }
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
      this.addEventListener("message", (event) => typeof event.data === "string" && heard(event, event.data));
      this.addEventListener("close", (event) => note("socket_closed", event.code));
    }

    send(data) {
      if (typeof data === "string") asked(data);
      super.send(data);
    }
  };

  /** Whose picture an element shows that bears no stamp: [peer, source], or nulls for one's own. */
  function incomingOn(video) {
    const [track] = video.srcObject?.getVideoTracks() ?? [];
    for (const connection of connections) {
      const transceiver = connection.getTransceivers().find(({ receiver }) => receiver.track === track);
      const found = transceiver && incoming.get(transceiver.mid);
      if (found) return [found.peer, found.source];
    }
    return [null, null];
  }

  // Pictures: every element that plays anything but one's own.
  const watched = new WeakSet();
  const known = new WeakMap();
  function watch(video) {
    if (watched.has(video)) return;
    watched.add(video);
    const look = () => {
      const at = wallClock();
      const offered = incomingOn(video);
      // One picture of everybody is a picture of each; its tiles are too small to tell when they were taken, and what
      // looks like a stamp there is none.
      const isComposed = offered[1] === "composed";
      const stamp = isComposed || !video.videoWidth ? null : readStamp(video);
      if (stamp !== null) known.set(video, stamp);
      const whose = isComposed ? undefined : (stamp ?? known.get(video));
      const [peer, source] =
        whose === undefined ? offered : [names[whose.number] ?? "", whose.source ? "screen" : "camera"];
      const shown = isComposed ? [...people.values()] : [peer];
      for (const name of shown) {
        if (name === null || name === own || frames.length >= 20_000) continue;
        const kind = isComposed ? "camera" : source;
        frames.push([name, kind, at, stamp?.sent ?? null, video.videoWidth, video.videoHeight]);
      }
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }
  const descriptor = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...descriptor,
    set(stream) {
      descriptor.set.call(this, stream);
      if (this instanceof HTMLVideoElement && this.isConnected !== undefined && stream) watch(this);
    },
  });
  window.addEventListener("error", (event) => note("error", event.message));
  window.addEventListener("unhandledrejection", (event) => note("error", event.reason?.message ?? event.reason));

  /** Counters of one stream, by the names of `StreamCounters`. */
  function counters(stats, report) {
    const remote = stats.remoteId ? report.get(stats.remoteId) : undefined;
    const inbound = stats.type === "inbound-rtp";
    return {
      bytes: (inbound ? stats.bytesReceived : stats.bytesSent) + (stats.headerBytesReceived ?? stats.headerBytesSent ?? 0),
      packets: inbound ? stats.packetsReceived : stats.packetsSent,
      lost: (inbound ? stats.packetsLost : remote?.packetsLost) ?? 0,
      retransmitted: (inbound ? stats.retransmittedPacketsReceived : stats.retransmittedPacketsSent) ?? 0,
      nacks: stats.nackCount ?? 0,
      plis: stats.pliCount ?? 0,
      frames: (inbound ? stats.framesDecoded : stats.framesEncoded) ?? 0,
      keyframes: (inbound ? stats.keyFramesDecoded : stats.keyFramesEncoded) ?? 0,
      frames_dropped: stats.framesDropped ?? 0,
      freezes: stats.freezeCount ?? 0,
      freeze_seconds: stats.totalFreezesDuration ?? 0,
      width: stats.frameWidth ?? 0,
      height: stats.frameHeight ?? 0,
      samples: stats.totalSamplesReceived ?? 0,
      concealed_samples: (stats.concealedSamples ?? 0) - (stats.silentConcealedSamples ?? 0),
      silent_concealed_samples: stats.silentConcealedSamples ?? 0,
      concealments: stats.concealmentEvents ?? 0,
      jitter_buffer_seconds: stats.jitterBufferDelay ?? 0,
      jitter_buffer_emitted: stats.jitterBufferEmittedCount ?? 0,
      target_bitrate: stats.targetBitrate ?? 0,
      active: stats.active ?? true,
      limited_by: stats.qualityLimitationReason ?? "",
    };
  }

  window.loadtest = {
    connections,

    /** Everything since the last call. */
    async take() {
      const streams = [];
      let upstream = null;
      let roundTrip = null;
      for (const connection of connections) {
        if (connection.connectionState === "closed") continue;
        const report = await connection.getStats();
        report.forEach((stats) => {
          if (stats.type === "inbound-rtp") {
            const { peer = "", source = stats.kind === "audio" ? "microphone" : "camera" } = incoming.get(stats.mid) ?? {};
            streams.push([["in", stats.kind, source, peer, ""], counters(stats, report)]);
          } else if (stats.type === "outbound-rtp") {
            const source = outgoing.get(stats.mid) ?? (stats.kind === "audio" ? "microphone" : "camera");
            streams.push([["out", stats.kind, source, own, stats.rid ?? ""], counters(stats, report)]);
          } else if (stats.type === "transport") {
            const pair = report.get(stats.selectedCandidatePairId);
            roundTrip = pair?.currentRoundTripTime ?? roundTrip;
            const sends = connection.getSenders().some(({ track }) => track !== null);
            if (sends) upstream = pair?.availableOutgoingBitrate ?? upstream;
          }
        });
      }
      const taken = { at: wallClock(), streams, frames, notices, upstream, roundTrip, session, bridge: lastStats };
      frames = [];
      notices = [];
      lastStats = null;
      return taken;
    },

    /** Asks the bridge what it counts on one's connections; the answer comes with a later `take`. */
    askBridge() {
      if (socket?.readyState === WebSocket.OPEN) {
        socket.send(JSON.stringify({ type: "get_stats", id: STATS_ID + (statsAsked += 1) }));
      }
    },

    note,
  };
}
