/** @import { SourceName } from "./protocol.js" */

/** @typedef {{ width: number, height: number }} Size */

/** A video codec by its name in SDP. @typedef {"VP8" | "H264" | "VP9" | "AV1"} VideoCodec */

/**
 * The layers of a camera, smallest first: browsers fill them in this order as their estimate of the line grows, so that
 * a thin line carries one small picture well. The rates, in bit/s, are what pictures of 180, 360 and 720 lines need.
 */
const CAMERA_LAYERS = [
  { rid: "q", maxBitrate: 110_000 },
  { rid: "h", maxBitrate: 400_000 },
  { rid: "f", maxBitrate: 1_500_000 },
];
const THREE_LAYERS_FROM = 540;
const TWO_LAYERS_FROM = 270;

/**
 * Text must stay sharp: a receiver whose line is thin gets fewer frames, of the same size.
 */
const SCREEN_LAYERS = [
  { rid: "l", maxBitrate: 200_000, maxFramerate: 5 },
  { rid: "f", maxBitrate: 2_500_000 },
];

/** What sound may take at most, bit/s. */
export const SOUND_BITRATE = { microphone: 32_000, screen_audio: 96_000 };

/** What a capture is taken for that does not say its size: what `openCamera` asks for. */
const USUAL_SIZE = { width: 1280, height: 720 };

/** Three temporal layers let a receiver go down to a quarter of the frames before its picture becomes smaller. */
const TEMPORAL_LAYERS = "L1T3";

/**
 * Codecs that hold their sizes in one stream, by scalability mode (W3C WebRTC-SVC), for a capture of so many layers.
 * "KEY": layers depend on each other at keyframes only, so that a receiver gets none of the layers below its own.
 */
const SCALABLE = new Set(["VP9", "AV1"]);
const SCALABILITY_MODES = ["L1T3", "L2T3_KEY", "L3T3_KEY"];

/**
 * How a source is to be encoded: the `sendEncodings` of its transceiver, smallest first.
 *
 * @param {SourceName} name
 * @param {Partial<Size> | null} size of the capture, as far as known
 * @param {VideoCodec} [codec] that the application chose
 * @returns {RTCRtpEncodingParameters[]}
 */
export function encodingsFor(name, size, codec = "VP8") {
  if (name === "microphone" || name === "screen_audio") return [{ maxBitrate: SOUND_BITRATE[name] }];
  const scalable = SCALABLE.has(codec);
  if (name === "screen") return scalable ? [screenInOneStream()] : SCREEN_LAYERS.map((layer) => ({ ...layer, ...active() }));
  const layers = cameraLayers(size);
  const largest = /** @type {typeof layers[number]} */ (layers.at(-1));
  if (scalable) {
    return [{ maxBitrate: largest.maxBitrate, active: true, ...mode(SCALABILITY_MODES[layers.length - 1] ?? TEMPORAL_LAYERS) }];
  }
  if (layers.length === 1) return [{ maxBitrate: largest.maxBitrate, ...active() }];
  return layers.map((layer, index) => ({
    ...layer,
    scaleResolutionDownBy: 2 ** (layers.length - 1 - index),
    ...active(),
  }));
}

/**
 * Fits wanted encodings to the number that a transceiver was made with, which never changes: surplus ones are not sent,
 * and where there are too few, the largest are.
 *
 * @param {RTCRtpEncodingParameters[]} wanted
 * @param {number} count
 * @returns {RTCRtpEncodingParameters[]}
 */
export function fitted(wanted, count) {
  const kept = wanted.slice(-count);
  const idle = { .../** @type {RTCRtpEncodingParameters} */ (kept.at(-1)), active: false };
  return [...kept, ...Array.from({ length: count - kept.length }, () => ({ ...idle }))];
}

/**
 * The same without what a browser may not know, for one that refuses it.
 *
 * @param {RTCRtpEncodingParameters[]} encodings
 * @returns {RTCRtpEncodingParameters[]}
 */
export function withoutScalability(encodings) {
  return encodings.map((encoding) => {
    const plain = { ...encoding };
    delete (/** @type {{ scalabilityMode?: string }} */ (plain).scalabilityMode);
    return plain;
  });
}

/** @param {Partial<Size> | null} size */
function cameraLayers(size) {
  const shortSide = Math.min(size?.width ?? USUAL_SIZE.width, size?.height ?? USUAL_SIZE.height);
  return CAMERA_LAYERS.slice(0, shortSide >= THREE_LAYERS_FROM ? 3 : shortSide >= TWO_LAYERS_FROM ? 2 : 1);
}

function screenInOneStream() {
  return { maxBitrate: 2_500_000, ...active() };
}

function active() {
  return { active: true, ...mode(TEMPORAL_LAYERS) };
}

/**
 * @param {string} scalabilityMode
 * @returns {RTCRtpEncodingParameters}
 */
function mode(scalabilityMode) {
  // TypeScript's DOM does not know it yet.
  return /** @type {RTCRtpEncodingParameters} */ ({ scalabilityMode });
}
