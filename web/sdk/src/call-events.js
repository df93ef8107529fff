/** What a call tells of: types only. */

/** @import { BridgeError } from "./errors.js" */
/** @import { ChatMessage } from "./chat.js" */
/** @import { ConsentInfo, RoomInfo, ViewNotice } from "./protocol.js" */
/** @import { InvitingEvents } from "./inviting.js" */
/** @import { LocalSource } from "./local-source.js" */
/** @import { RemoteParticipant } from "./participant.js" */
/** @import { RosterEvents } from "./roster.js" */
/** @import { WaitingRoomEvents } from "./waiting-room.js" */

/**
 * `waiting`: in the lobby; `connecting`: signalling stands, media not yet; `connected`; `reconnecting`: signalling or media was lost and is being
 * brought back; `blocked`: signalling stands and media does not come through; `closed`.
 *
 * @typedef {"waiting" | "connecting" | "connected" | "reconnecting" | "blocked" | "closed"} CallState
 */

/**
 * @typedef {RosterEvents & WaitingRoomEvents & InvitingEvents & {
 *   statechange: CallState,
 *   localsourcechange: LocalSource,
 *   localsourceended: LocalSource,
 *   unheard: { source: LocalSource, stalled: boolean },
 *   quality: null,
 *   composedchange: MediaStreamTrack | null,
 *   viewchange: Pick<ViewNotice, "view" | "reason">,
 *   roomchange: RoomInfo,
 *   grantschange: readonly string[],
 *   mutedbyhost: LocalSource,
 *   stoppedbyhost: LocalSource,
 *   unmuteasked: RemoteParticipant | null,
 *   chatmessage: ChatMessage,
 *   consentasked: ConsentInfo,
 *   consentsettled: null,
 *   recordingfailed: { code: string },
 *   closed: BridgeError | null,
 * }} CallEvents
 */

export {};
