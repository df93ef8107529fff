/**
 * Runs in the page: WHIP and WHEP with nothing but what browsers have, so that a test decides which codec is sent.
 *
 * The camera, the microphone and what is heard and seen are instrument.js's.
 */
window.whip = {
  /** The newest connection and what PATCH needs: `{ connection, resource, token }`. */
  session: null,

  /** Publishes camera and microphone, the picture in just this codec; resolves when a picture has been sent. */
  async publish(url, token, codec) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const connection = new RTCPeerConnection();
    for (const track of stream.getTracks()) {
      const transceiver = connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
      const wanted = track.kind === "video" ? codec : "opus";
      transceiver.setCodecPreferences(this.only(RTCRtpSender.getCapabilities(track.kind).codecs, wanted));
    }
    await this.negotiate(connection, url, token);
    await this.until(connection, "outbound-rtp", ({ framesSent }) => framesSent > 0);
  },

  /**
   * Watches what is published; resolves when a picture has been decoded.
   *
   * Pictures come in whatever codec the bridge chooses, or in `codec` only. With `profile` the bridge is told that of
   * H.264 this one is taken, which software decoders do without saying so.
   */
  async watch(url, token, codec = null, profile = null) {
    const connection = new RTCPeerConnection();
    connection.addTransceiver("audio", { direction: "recvonly" });
    const pictures = connection.addTransceiver("video", { direction: "recvonly" });
    if (codec !== null) {
      pictures.setCodecPreferences(this.only(RTCRtpReceiver.getCapabilities("video").codecs, codec));
    }
    connection.addEventListener("track", ({ track }) => {
      const element = document.createElement(track.kind);
      element.autoplay = true;
      element.srcObject = new MediaStream([track]);
      document.body.append(element);
    });
    await this.negotiate(connection, url, token, profile);
    await this.until(connection, "inbound-rtp", ({ framesDecoded }) => framesDecoded > 0);
  },

  /** The codecs of the streams that come in, as `{ audio: "audio/opus", video: "video/VP8" }`. */
  async incoming() {
    const codecs = {};
    for (const connection of received.connections) {
      const report = await connection.getStats();
      report.forEach(({ type, kind, codecId }) => {
        if (type === "inbound-rtp") codecs[kind] = report.get(codecId)?.mimeType ?? null;
      });
    }
    return codecs;
  },

  /** The first kind of a codec, as the browser orders them, and its retransmissions. */
  only(codecs, name) {
    const named = (wanted) => codecs.filter(({ mimeType }) => mimeType.split("/")[1].toLowerCase() === wanted);
    const [first] = named(name.toLowerCase());
    if (first === undefined) throw new Error(`this browser does not send ${name}`);
    return [first, ...named("rtx")];
  },

  /** One request with the offer, one response with the answer; resolves when the connection stands. */
  async negotiate(connection, url, token, profile = null) {
    await connection.setLocalDescription();
    const { sdp } = connection.localDescription;
    const [, own] = sdp.match(/profile-level-id=(\w+)/) ?? [];
    const response = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
      body: profile === null ? sdp : sdp.replaceAll(own, profile),
    });
    const body = await response.text();
    if (response.status !== 201) throw new Error(`${response.status}: ${body}`);
    this.session = { connection, resource: new URL(response.headers.get("Location"), url), token };
    const answer = profile === null ? body : body.replaceAll(profile, own);
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
    await new Promise((resolve, reject) => {
      const look = () => {
        if (connection.connectionState === "connected") resolve();
        if (connection.connectionState === "failed") reject(new Error("the connection failed"));
      };
      connection.addEventListener("connectionstatechange", look);
      look();
    });
  },

  /**
   * Restarts ICE by PATCH (RFC 9725, section 4.3.3); resolves with the protocols of the bridge's new candidates.
   *
   * The bridge is told once all candidates are gathered, as by clients that do not trickle, or whose request takes its time.
   */
  async restart() {
    const { connection, resource, token } = this.session;
    const before = connection.remoteDescription.sdp;
    connection.restartIce();
    const gathered = new Promise((resolve) => {
      connection.addEventListener("icegatheringstatechange", () => connection.iceGatheringState === "complete" && resolve());
    });
    await connection.setLocalDescription();
    await gathered;
    const { sdp } = connection.localDescription;
    const line = (text, name) => text.match(new RegExp(`^a=${name}:.*\r\n`, "m"))[0];
    const response = await fetch(resource, {
      method: "PATCH",
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/trickle-ice-sdpfrag",
        "If-Match": "*",
      },
      body: `${line(sdp, "ice-ufrag")}${line(sdp, "ice-pwd")}m=audio 9 RTP/AVP 0\r\n${line(sdp, "mid")}`,
    });
    const fragment = await response.text();
    if (response.status !== 200) throw new Error(`${response.status}: ${fragment}`);
    const candidates = fragment.match(/^a=candidate:.*\r\n/gm);
    const answer = before
      .replaceAll(/^a=(candidate:.*|end-of-candidates)\r\n/gm, "")
      .replaceAll(/^a=ice-ufrag:.*\r\n/gm, line(fragment, "ice-ufrag"))
      .replaceAll(/^a=ice-pwd:.*\r\n/gm, line(fragment, "ice-pwd"))
      .replace(/^a=mid:.*\r\n/m, (mid) => mid + candidates.join(""));
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
    return candidates.map((candidate) => candidate.split(" ")[2]);
  },

  /** Resolves when the statistics have a video stream of this type that is as wanted: no event says so. */
  async until(connection, type, wanted, within = 120_000) {
    const deadline = performance.now() + within;
    for (;;) {
      for (const stats of (await connection.getStats()).values()) {
        if (stats.type === type && stats.kind === "video" && wanted(stats)) return;
      }
      if (performance.now() > deadline) throw new Error(`no such picture in ${type} within ${within} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
};
