/** @import { VideoCodec } from "./encodings.js" */

/**
 * Which kind of a codec the bridge takes, by its parameters in SDP: the one that most receivers decode. Browsers list up to
 * a dozen of H.264 alone, and over a thin line each kilobyte of an offer takes a while.
 *
 * @type {Record<string, (parameters: string) => boolean>}
 */
const TAKEN = {
  "video/vp8": () => true,
  "video/vp9": (parameters) => !/profile-id=[1-9]/.test(parameters),
  "video/av1": (parameters) => !/profile=[1-9]/.test(parameters),
  "video/h264": (parameters) => /packetization-mode=1/.test(parameters) && /profile-level-id=42[ce0]0/i.test(parameters),
  "video/rtx": () => true,
};

/**
 * The video codecs to offer, in the browser's order but for the one that the application chose, which comes first.
 *
 * @param {RTCRtpCodec[]} codecs that the browser has
 * @param {VideoCodec} [chosen]
 * @returns {RTCRtpCodec[]} empty where the browser names none that the bridge takes: its own list is offered then
 */
export function codecsToOffer(codecs, chosen) {
  /** @param {RTCRtpCodec} codec */
  const type = ({ mimeType }) => mimeType.toLowerCase();
  const taken = codecs.filter((codec) => TAKEN[type(codec)]?.(codec.sdpFmtpLine ?? "") ?? false);
  if (taken.every((codec) => type(codec) === "video/rtx")) return [];
  const first = taken.filter((codec) => type(codec) === `video/${chosen ?? ""}`.toLowerCase());
  return [...first, ...taken.filter((codec) => !first.includes(codec))];
}

/**
 * The codecs of sound in the order in which to offer them: browsers repeat sound where that comes first.
 *
 * @param {RTCRtpCodec[]} codecs that the browser has, in its order
 * @param {boolean} repeated
 * @returns {RTCRtpCodec[]} empty where the browser cannot repeat sound: its own list is offered then
 */
export function soundToOffer(codecs, repeated) {
  const repeating = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === "audio/red");
  if (repeating.length === 0) return [];
  const others = codecs.filter((codec) => !repeating.includes(codec));
  const [first, ...rest] = others;
  return repeated || first === undefined ? [...repeating, ...others] : [first, ...repeating, ...rest];
}

/**
 * Has what the bridge takes offered, the codec that the application chose first. A browser without it goes on with its own.
 *
 * @param {RTCRtpTransceiver} transceiver
 * @param {VideoCodec | undefined} chosen
 */
export function preferPicture(transceiver, chosen) {
  prefer(transceiver, codecsToOffer(RTCRtpReceiver.getCapabilities("video")?.codecs ?? [], chosen));
}

/** Whether the browser can repeat sound. */
export function canRepeatSound() {
  return soundToOffer(RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [], true).length > 0;
}

/**
 * Has sound offered so that the browser repeats it, or not: from the next negotiation on.
 *
 * @param {RTCRtpTransceiver} transceiver
 * @param {boolean} repeated
 */
export function preferSound(transceiver, repeated) {
  prefer(transceiver, soundToOffer(RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [], repeated));
}

/**
 * @param {RTCRtpTransceiver} transceiver
 * @param {RTCRtpCodec[]} codecs in the order in which to offer them; none for the browser's own
 */
function prefer(transceiver, codecs) {
  if (codecs.length > 0 && typeof transceiver.setCodecPreferences === "function") transceiver.setCodecPreferences(codecs);
}
