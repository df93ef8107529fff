/** What each track was made of. @type {WeakMap<MediaStreamTrack, MediaStreamTrack>} */
const origins = new WeakMap();

/**
 * Says that a track is made of a device's, such as a camera's picture with a blurred background. Whatever releases the
 * first then releases the device too, and what is asked of the device is asked of the device.
 *
 * @param {MediaStreamTrack} track
 * @param {MediaStreamTrack} origin the device's own
 */
export function deriveTrack(track, origin) {
  origins.set(track, origin);
}

/**
 * The device's own track: for its settings, and for whatever is to have its picture as it is.
 *
 * @param {MediaStreamTrack} track
 */
export function originOf(track) {
  return origins.get(track) ?? track;
}

/**
 * Stops a track and the device behind it.
 *
 * @param {MediaStreamTrack | null} track
 * @param {MediaStreamTrack | null} [next] what takes its place: what that is made of goes on
 */
export function releaseTrack(track, next = null) {
  if (track === null || track === next) return;
  const kept = next && originOf(next);
  for (const each of new Set([track, originOf(track)])) if (each !== kept) each.stop();
}
