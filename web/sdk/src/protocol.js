/**
 * The messages of the WebSocket protocol, version 1, as types. Their reference is docs/protocol/; the tests hold what
 * this SDK sends to the JSON Schema there.
 */

/** The WebSocket subprotocol that names the version. */
export const SUBPROTOCOL = "bridge.v1";

/** @typedef {"camera" | "microphone" | "screen" | "screen_audio"} SourceName */
/** @typedef {"audio" | "video"} Kind */

/** What a line makes of a video. @typedef {"full" | "reduced" | "stills" | "paused"} Delivery */
/**
 * `upload`: what its sender's line makes of it; `interrupted`: its sender's system gives neither sound nor picture for now.
 *
 * @typedef {{ id: string, source: SourceName, kind: Kind, muted: boolean, upload: Delivery, interrupted: boolean }} SourceInfo
 */
/** @typedef {SourceInfo & { mid: string }} OwnSourceInfo */
/**
 * @typedef {object} ParticipantInfo
 * @property {string} id
 * @property {string} name
 * @property {string} role
 * @property {"connected" | "reconnecting"} state
 * @property {SourceInfo[]} sources
 * @property {string} level of their sign-in, such as `idporten-loa-high`; empty if untold
 * @property {boolean} hand_raised
 * @property {string[]} companions names of those at the same camera
 * @property {boolean} may_host
 * @property {boolean} consent_pending asked to consent to the recording at hand, and yet to answer
 * @property {boolean} consented_by_vendor a consent of theirs that counts now was handed in by their vendor's system
 */
/** @typedef {{ id: string, name: string, role: string, level: string, state: "connected" | "reconnecting", consent_pending: boolean }} WaitingInfo */
/** A waiting list that several rooms take from; the next one first. @typedef {{ id: string, waiting: WaitingInfo[] }} QueueInfo */
/** @typedef {"delayed" | "soon" | "cancelled" | "text"} LobbyNoticeName */
/** @typedef {{ id: string, notice: LobbyNoticeName, text: string, minutes: number | null }} LobbyMessageInfo */
/**
 * @typedef {object} LobbyInfo What someone who waits may know.
 * @property {number} position 1 is next
 * @property {number | null} expected_seconds
 * @property {boolean} host_present
 * @property {LobbyMessageInfo[]} messages oldest first
 */
/** @typedef {{ locked: boolean, recording: "off" | "asking" | "on" | "paused", video_consent: boolean, recordable: boolean, pinned: string | null, encryption: "bridge" }} RoomInfo */
/**
 * @typedef {object} ChatMessageInfo
 * @property {string} id
 * @property {string} participant_id
 * @property {string} name
 * @property {"message" | "caption"} lane
 * @property {string} text
 * @property {string | null} to
 * @property {number} age_seconds
 */
/** @typedef {{ id: string, text_version: string, asked_by: string, consented: boolean }} ConsentInfo */
/** @typedef {{ path: string, ticket: string, content_type: string, bytes: number, width: number, height: number }} StillFileInfo */
/**
 * @typedef {object} StillInfo A still picture that is asked for.
 * @property {string} id
 * @property {string} asked_by
 * @property {string} participant_id whose camera it is
 * @property {string} source_id
 * @property {"asked" | "consented" | "ready"} step
 * @property {StillFileInfo} [file] for whoever asked, once it is ready
 */
/** @typedef {"delivered" | "refused" | "cancelled" | "gone" | "timed_out"} StillEndReason */
/** Whom somebody would have invited. @typedef {{ id: string, participant_id: string, by: string, role: string, name: string }} ProposalInfo */
/**
 * @typedef {object} Invitation A link for one person, who waits to be let in.
 * @property {string} invitation_id
 * @property {string} link
 * @property {string[]} qr the link as a QR code: its rows, `1` for a dark module
 * @property {string} role
 * @property {string} level the sign-in that it takes; `none` for a guest
 * @property {number} expires_seconds
 */
/** @typedef {"separate" | "composed" | "auto"} View How the pictures of the others come: each on its own, all in one, or as the line allows. */
/** @typedef {{ mid: string, participant_id: string, source_id: string, source: SourceName, kind: Kind }} SourceTrackInfo */
/** @typedef {"auto" | "grid" | "speaker" | "interpreter" | "screen"} PictureLayout Who stands where in one picture of everybody. */
/** @typedef {"wide" | "upright"} PictureShape */
/** @typedef {{ mid: string, participant_id: null, source_id: null, source: "composed", kind: "video" }} ComposedTrackInfo One picture of everybody. */
/** @typedef {SourceTrackInfo | ComposedTrackInfo} TrackInfo */
/** @typedef {{ participant_id: string, source_id: string, level: number, voice: boolean }} AudioLevelInfo */
/** @typedef {{ urls: string[], username?: string, credential?: string }} IceServerInfo */

/**
 * @typedef {{ type: "join", token: string, subscribe?: "all" | "none" }
 *   | { type: "resume", session_id: string, secret: string }
 *   | { type: "publish", offer: string, sources: { mid: string, source: SourceName, muted?: boolean }[] }
 *   | { type: "unpublish", source_ids: string[] }
 *   | { type: "update_source", source_id: string, muted?: boolean, source?: SourceName, upload?: Delivery, interrupted?: boolean }
 *   | { type: "subscribe", source_ids: string[] }
 *   | { type: "unsubscribe", source_ids: string[] }
 *   | { type: "update_subscription", source_id: string, paused: boolean }
 *   | { type: "layout", tiles: { source_id: string, height: number }[], pinned?: string[], save_data?: boolean, view?: View }
 *   | { type: "subscribe_answer", negotiation: number, answer: string }
 *   | { type: "restart_ice", connection: "subscribe" }
 *   | { type: "get_stats" }
 *   | { type: "ping" }
 *   | { type: "leave" }
 *   | { type: "chat", text: string, lane?: "message" | "caption", to?: string }
 *   | { type: "raise_hand", raised: boolean }
 *   | { type: "set_companions", names: string[] }
 *   | { type: "propose_invitation", role: string, name: string }
 *   | { type: "create_invitation", role: string, name?: string, minutes?: number, proposal_id?: string }
 *   | { type: "decline_proposal", proposal_id: string }
 *   | { type: "revoke_invitation", invitation_id: string }
 *   | { type: "ask_to_record", text_version: string }
 *   | { type: "stop_recording" }
 *   | { type: "answer_video_consent", text_version: string, consents: boolean }
 *   | { type: "answer_consent", consent_id: string, consents: boolean, text_version?: string }
 *   | { type: "ask_for_still", source_id: string }
 *   | { type: "answer_still", still_id: string, consents: boolean, text_version: string }
 *   | { type: "cancel_still", still_id: string }
 *   | DecisionRequest} Request
 */

/**
 * @typedef {{ type: "admit", participant_ids?: string[] }
 *   | { type: "refuse" | "remove", participant_id: string, queue_id?: string }
 *   | { type: "send_to_lobby" | "ask_to_unmute" | "stop_screen" | "hand_over", participant_id: string }
 *   | { type: "take", queue_id?: string, participant_id?: string }
 *   | { type: "message_lobby", notice: LobbyNoticeName, text?: string, minutes?: number, participant_id?: string, queue_id?: string }
 *   | { type: "mute", source_id: string }
 *   | { type: "lock", locked: boolean }
 *   | { type: "pin_for_all", participant_id: string | null }
 *   | { type: "end_call" }} DecisionRequest What hosts ask for.
 */

/**
 * @typedef {object} Joined
 * @property {"joined"} type
 * @property {boolean} resumed
 * @property {{ id: string, secret: string, grace_seconds: number }} session
 * @property {string} participant_id
 * @property {string[]} grants
 * @property {ParticipantInfo[]} participants
 * @property {OwnSourceInfo[]} own_sources
 * @property {IceServerInfo[]} ice_servers
 * @property {{ name: string, version: string }} server
 * @property {RoomInfo} room
 * @property {ChatMessageInfo[]} chat
 * @property {StillInfo[]} stills that one asked for, or is asked for
 * @property {ConsentInfo} [consent] the recording at hand
 * @property {boolean} [video_consented] what one has answered, asked to consent to video
 * @property {LobbyInfo} [lobby] when one waits
 * @property {WaitingInfo[]} [waiting] for hosts
 * @property {ProposalInfo[]} [proposals] for hosts
 * @property {string} [token] to join anew with, in place of the one that one came by
 */

/** @typedef {{ mid: string | null, code: string, message: string }} RejectedInfo */
/** @typedef {{ type: "published", answer: string, sources: OwnSourceInfo[], rejected: RejectedInfo[] }} Published */

/**
 * @typedef {object} ConnectionCounters
 * @property {"udp" | "tcp" | null} protocol
 * @property {number} packets_received
 * @property {number} bytes_received
 * @property {number} packets_sent
 * @property {number} bytes_sent
 * @property {number | null} round_trip_seconds
 * @property {number | null} estimate bit/s that the line towards this client carries
 * @property {Record<string, unknown>[]} sources
 */
/** @typedef {{ type: "stats", publish: ConnectionCounters | null, subscribe: ConnectionCounters | null }} Stats */

/** @typedef {{ type: "subscribe_offer", negotiation: number, offer: string, tracks: TrackInfo[] }} SubscribeOffer */
/**
 * @typedef {{ type: "closing", code: string, message: string, close_code: number, retry: boolean }} Closing
 * The last message of a session that the bridge ends.
 */

/**
 * @typedef {object} EncodingsNotice Which encodings of a source of one's own anybody receives.
 * @property {"encodings"} type
 * @property {string} source_id
 * @property {{ rid: string | null, active: boolean, spare: boolean }[]} encodings
 * @property {number | null} max_bitrate of each of them at most, bit/s; null for no bound
 */

/** @typedef {"asked" | "thin_line" | "good_line" | "legs_exhausted" | "leg_failed" | "unsupported_codec"} ViewReason */
/** @typedef {{ type: "view", view: "separate" | "composed", reason: ViewReason }} ViewNotice What one gets of the room's pictures now. */

/** @typedef {"excellent" | "good" | "poor" | "lost"} QualityLevel */
/**
 * @typedef {object} QualityNotice How good somebody's lines are; null while unknown.
 * @property {"quality"} type
 * @property {string} participant_id
 * @property {QualityLevel | null} publish
 * @property {QualityLevel | null} subscribe
 * @property {number | null} publish_mos
 * @property {number | null} subscribe_mos
 */

/**
 * @typedef {SubscribeOffer
 *   | { type: "token_renewed", token: string }
 *   | EncodingsNotice
 *   | ViewNotice
 *   | { type: "participant_joined", participant: ParticipantInfo }
 *   | { type: "participant_updated", participant: ParticipantInfo }
 *   | { type: "participant_left", participant_id: string, reason: string }
 *   | { type: "source_added", participant_id: string, source: SourceInfo }
 *   | { type: "source_updated", participant_id: string, source: SourceInfo }
 *   | { type: "source_removed", participant_id: string, source_id: string }
 *   | { type: "audio_levels", levels: AudioLevelInfo[] }
 *   | { type: "active_speaker", participant_id: string | null, source_id: string | null }
 *   | QualityNotice
 *   | { type: "video_state", source_id: string, state: Delivery }
 *   | { type: "connection_state", connection: "publish" | "subscribe", state: string }
 *   | { type: "media_flow", source_id: string, direction: "to_bridge" | "from_bridge", state: "live" | "stalled" }
 *   | { type: "ice_restart_requested", connection: "publish" }
 *   | { type: "lobby_changed", lobby: LobbyInfo }
 *   | { type: "lobby_message", message: LobbyMessageInfo }
 *   | { type: "admitted", participants: ParticipantInfo[], room: RoomInfo, chat: ChatMessageInfo[], waiting?: WaitingInfo[], proposals?: ProposalInfo[] }
 *   | { type: "sent_to_lobby", lobby: LobbyInfo }
 *   | { type: "waiting_joined" | "waiting_updated", participant: WaitingInfo }
 *   | { type: "waiting_left", participant_id: string, reason: string }
 *   | { type: "queues_changed", queues: QueueInfo[] }
 *   | { type: "grants_changed", grants: string[], waiting?: WaitingInfo[], proposals?: ProposalInfo[] }
 *   | { type: "room_changed", room: RoomInfo }
 *   | { type: "chat_message", message: ChatMessageInfo }
 *   | { type: "consent_asked", consent: ConsentInfo }
 *   | { type: "recording_failed", code: string }
 *   | { type: "invitation_proposed", proposal: ProposalInfo }
 *   | { type: "proposal_answered", proposal: ProposalInfo, accepted: boolean }
 *   | { type: "muted_by_host" | "stopped_by_host", source_id: string }
 *   | { type: "still_asked" | "still_ready", still: StillInfo }
 *   | { type: "still_ended", still_id: string, reason: StillEndReason }
 *   | { type: "unmute_asked", participant_id: string }
 *   | { type: "error", code: string, message: string }
 *   | Closing} Notice
 */
