/**
 * Runs in the page before it joins: the browser sends, or takes, pictures in one codec only, as older equipment does.
 *
 * What it lacks it says as browsers do that lack it: it offers only the other, and rejects the m-line.
 */
window.codecLimits = {
  /** Camera pictures go out in this codec only, whatever the page prefers. */
  send(name) {
    const { addTransceiver } = RTCPeerConnection.prototype;
    const { setCodecPreferences } = RTCRtpTransceiver.prototype;
    const codecs = codecLimits.only(RTCRtpSender, name);
    RTCPeerConnection.prototype.addTransceiver = function (track, init) {
      const transceiver = addTransceiver.call(this, track, init);
      if ((track.kind ?? track) !== "video") return transceiver;
      setCodecPreferences.call(transceiver, codecs);
      transceiver.setCodecPreferences = () => {};
      return transceiver;
    };
  },

  /** Pictures are taken in this codec only. */
  receive(name) {
    const { setRemoteDescription } = RTCPeerConnection.prototype;
    const codecs = codecLimits.only(RTCRtpReceiver, name);
    RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
      await setRemoteDescription.call(this, description);
      if (description.type !== "offer") return;
      for (const transceiver of this.getTransceivers()) {
        if (transceiver.receiver.track.kind === "video") transceiver.setCodecPreferences(codecs);
      }
    };
  },

  only(side, name) {
    const { codecs } = side.getCapabilities("video");
    return codecs.filter(({ mimeType }) => [`video/${name}`, "video/rtx"].includes(mimeType));
  },
};
