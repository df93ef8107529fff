/**
 * Runs in the page: hears one publisher over several lines of WHEP at the same time, each with what it negotiated.
 */
window.lossySound = {
  /** @type {Map<string, RTCPeerConnection>} */
  lines: new Map(),

  /**
   * Listens over the bridge's address `port`; `red`: takes redundant audio; `nack`: asks for what is missing.
   *
   * @param {string} name
   * @param {{ url: string, token: string, port: number, red: boolean, nack: boolean }} options
   */
  async hear(name, { url, token, port, red, nack }) {
    const connection = new RTCPeerConnection();
    const transceiver = connection.addTransceiver("audio", { direction: "recvonly" });
    const { codecs } = RTCRtpReceiver.getCapabilities("audio");
    const wanted = red ? ["audio/opus", "audio/red"] : ["audio/opus"];
    transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => wanted.includes(mimeType)));
    connection.addEventListener("track", ({ track }) => {
      const element = document.createElement("audio");
      element.autoplay = true;
      element.srcObject = new MediaStream([track]);
      document.body.append(element);
    });
    const offer = await connection.createOffer();
    if (nack) offer.sdp = offer.sdp.replace("a=rtcp-fb:111 transport-cc\r\n", "$&a=rtcp-fb:111 nack\r\n");
    await connection.setLocalDescription(offer);
    const response = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
      body: connection.localDescription.sdp,
    });
    const answer = await response.text();
    if (response.status !== 201) throw new Error(`${response.status}: ${answer}`);
    const candidate = `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host\r\n`;
    const sdp = answer.replace(/(?:a=candidate:[^\r\n]*\r\n)+/g, candidate);
    await connection.setRemoteDescription({ type: "answer", sdp });
    this.lines.set(name, connection);
    return { red: /a=rtpmap:\d+ red\/48000\/2/.test(sdp), nack: /a=rtcp-fb:\d+ nack\r\n/.test(sdp) };
  },

  /** What was heard over a line so far. */
  async heard(name) {
    for (const stats of (await this.lines.get(name).getStats()).values()) {
      if (stats.type !== "inbound-rtp") continue;
      const { totalSamplesReceived, concealedSamples, silentConcealedSamples, packetsReceived, packetsLost } = stats;
      const { nackCount = 0 } = stats;
      return {
        samples: totalSamplesReceived, concealed: concealedSamples, silent: silentConcealedSamples,
        packets: packetsReceived, lost: packetsLost, nacks: nackCount,
      };
    }
    return null;
  },
};
