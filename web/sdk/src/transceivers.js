import { originOf } from "./derived-track.js";
import { encodingsFor, withoutScalability } from "./encodings.js";

/** @import { LocalSource } from "./local-source.js" */

/**
 * @param {RTCPeerConnection} connection
 * @param {LocalSource} source
 * @param {{ person: MediaStream, screen: MediaStream }} streams
 * @param {RTCRtpEncodingParameters[]} encodings
 */
export function addTransceiver(connection, source, streams, encodings) {
  const stream = source.name.startsWith("screen") ? streams.screen : streams.person;
  /** @param {RTCRtpEncodingParameters[]} sendEncodings */
  const add = (sendEncodings) =>
    connection.addTransceiver(source.track ?? source.kind, { direction: "sendonly", streams: [stream], sendEncodings });
  try {
    return add(encodings);
  } catch {
    // A browser that knows scalability modes throws at one that none of its codecs has.
    return add(withoutScalability(encodings));
  }
}

/** @param {LocalSource} source */
export function sizeOf({ track }) {
  return track && originOf(track).getSettings();
}

/**
 * Whether a free transceiver has the encodings that a source needs: their number never changes.
 *
 * @param {RTCRtpTransceiver} transceiver
 * @param {LocalSource} source
 */
export function holds(transceiver, source) {
  const wanted = encodingsFor(source.name, sizeOf(source), source.codec);
  return transceiver.sender.getParameters().encodings.length === wanted.length;
}
