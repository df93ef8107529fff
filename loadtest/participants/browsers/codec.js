/** Runs in the page before its own scripts: cameras go out in one codec, whatever the page prefers. */
function sendPicturesIn(codec) {
  const { addTransceiver } = RTCPeerConnection.prototype;
  const { setCodecPreferences } = RTCRtpTransceiver.prototype;
  const wanted = [`video/${codec}`, "video/rtx"];
  const codecs = RTCRtpSender.getCapabilities("video").codecs.filter(({ mimeType }) => wanted.includes(mimeType));
  RTCPeerConnection.prototype.addTransceiver = function (track, init) {
    const transceiver = addTransceiver.call(this, track, init);
    if ((track.kind ?? track) !== "video") return transceiver;
    setCodecPreferences.call(transceiver, codecs);
    transceiver.setCodecPreferences = () => {};
    return transceiver;
  };
}
