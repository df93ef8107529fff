/**
 * Sound that is lost is asked for again, where there is time: browsers can, and do not offer it of themselves.
 *
 * What is repeated with later packets (RFC 2198) helps against single losses; at the edge of Wi-Fi a tenth of a second goes at
 * once. So `a=rtcp-fb: … nack` is put into their descriptions for Opus, and for that with repetitions: of which only what
 * those leave out is asked for. The bridge's own have it already.
 */

/**
 * The description with it; the same where it has no Opus.
 *
 * @param {string} sdp
 * @returns {string}
 */
export function withSoundRepair(sdp) {
  return sdp
    .split(/(?=^m=)/m)
    .map((section) => (section.startsWith("m=audio") ? repaired(section) : section))
    .join("");
}

/** @param {string} section */
function repaired(section) {
  return section.replace(/^a=rtpmap:(\d+) (?:opus|red)\/.*\r\n/gim, (line, payloadType) => {
    const feedback = `a=rtcp-fb:${payloadType} nack\r\n`;
    return section.includes(feedback) ? line : line + feedback;
  });
}

/**
 * Takes a description as the connection's own, with repair of sound, or as it is where the browser takes none that was changed.
 *
 * @param {RTCPeerConnection} connection
 * @param {RTCSessionDescriptionInit} description made by it just now
 */
export async function setLocalDescriptionWithSoundRepair(connection, { type, sdp = "" }) {
  const changed = withSoundRepair(sdp);
  if (changed !== sdp) {
    try {
      await connection.setLocalDescription({ type, sdp: changed });
      return;
    } catch {
      // Not a reason to go without sound: the next line says what is wrong where more than that is.
    }
  }
  await connection.setLocalDescription({ type, sdp });
}
