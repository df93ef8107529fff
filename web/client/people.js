/** @import { RemoteParticipant } from "../sdk/src/index.js" */

/** @param {{ role: string }} participant whether it is no person, but the bridge's recorder */
export function isRecorder({ role }) {
  return role === "opptak";
}

/**
 * Those who are to be seen, counted and written to. The recorder stands in the list of participants, and the call says
 * that it is recorded: a tile of it would only take room from people.
 *
 * @param {Iterable<RemoteParticipant>} participants
 */
export function people(participants) {
  return [...participants].filter((participant) => !isRecorder(participant));
}
