/** @import { RemoteParticipant, RemoteSource } from "../sdk/src/index.js" */

/**
 * What is looked at most, of several people: the one who is pinned, else what is shared, else the one who speaks or spoke last,
 * else the first with a picture.
 *
 * @param {RemoteParticipant[]} others
 * @param {string | null} spoke id of who speaks or spoke last
 * @param {string | null} pinned id
 * @returns {{ participant: RemoteParticipant, screen: RemoteSource | null } | null} null: nobody else is here
 */
export function mainPicture(others, spoke, pinned) {
  const chosen = others.find(({ id }) => id === pinned);
  if (chosen) return { participant: chosen, screen: null };
  for (const participant of others) {
    const screen = participant.source("screen");
    if (screen?.track && !screen.muted) return { participant, screen };
  }
  const participant = speakerOf(others, spoke);
  return participant ? { participant, screen: null } : null;
}

/**
 * Who of several people is shown as the one who speaks: who speaks or spoke last, else the first with a picture.
 *
 * @param {RemoteParticipant[]} others
 * @param {string | null} spoke id of who speaks or spoke last
 * @returns {RemoteParticipant | null} null of nobody
 */
export function speakerOf(others, spoke) {
  return others.find(({ id }) => id === spoke) ?? others.find((other) => isSeen(other)) ?? others[0] ?? null;
}

/** @param {RemoteParticipant} participant */
function isSeen(participant) {
  const camera = participant.source("camera");
  return camera !== null && camera.track !== null && !camera.muted;
}
