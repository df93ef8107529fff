/**
 * Runs in the page, after whip.js: sound in one codec with the keys of a telephone (RFC 4733), by WHIP and WHEP.
 */
window.telephone = {
  /** Publishes the microphone in just this codec, with keys on its clock. */
  async publish(url, token, codec) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const connection = new RTCPeerConnection();
    const transceiver = connection.addTransceiver(stream.getTracks()[0], { direction: "sendonly", streams: [stream] });
    transceiver.setCodecPreferences(this.only(RTCRtpSender.getCapabilities("audio").codecs, codec));
    await whip.negotiate(connection, url, token);
    this.keys = transceiver.sender.dtmf;
  },

  /** Listens, in just this codec with keys on its clock. */
  async listen(url, token, codec) {
    const connection = new RTCPeerConnection();
    const transceiver = connection.addTransceiver("audio", { direction: "recvonly" });
    transceiver.setCodecPreferences(this.only(RTCRtpReceiver.getCapabilities("audio").codecs, codec));
    connection.addEventListener("track", ({ track }) => {
      const element = document.createElement("audio");
      element.autoplay = true;
      element.srcObject = new MediaStream([track]);
      document.body.append(element);
    });
    await whip.negotiate(connection, url, token);
  },

  /** Presses a key for so long: milliseconds. */
  press(key, duration) {
    if (!this.keys.canInsertDTMF) throw new Error("keys were not agreed on");
    this.keys.insertDTMF(key, duration);
  },

  only(codecs, name) {
    const [codec] = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `audio/${name.toLowerCase()}`);
    if (codec === undefined) throw new Error(`this browser has no ${name}`);
    const clock = codec.mimeType === "audio/G722" ? 8000 : codec.clockRate;
    const keys = codecs.filter(({ mimeType, clockRate }) => mimeType === "audio/telephone-event" && clockRate === clock);
    return [codec, ...keys];
  },
};
