"""One client's hold on a room: its session, its media, and the door that is told what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from bridge.errors import BridgeError
from bridge.room import (
    Admitted,
    ChatMessage,
    ChatSaid,
    ConsentAsked,
    EndReason,
    Grant,
    InvitationProposed,
    LobbyMessaged,
    LobbyView,
    MediaKind,
    Moderation,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Participation,
    Proposal,
    ProposalAnswered,
    QueueView,
    RecordingFailed,
    RoomChanged,
    RoomEvent,
    Rooms,
    SentBack,
    Session,
    SourceAdded,
    SourceChange,
    SourceMuted,
    SourceRemoved,
    SourceStopped,
    SourceUpdated,
    Stills,
    UnmuteAsked,
    WaitingJoined,
    WaitingLeft,
    WaitingUpdated,
    in_lobby,
)
from bridge.sfu import ConnectionKind, View, WantedEncodings
from bridge.signaling.calls.call_media import CallMedia
from bridge.signaling.calls.layout import INTERPRETERS
from bridge.signaling.calls.media_listener import MediaListener
from bridge.signaling.calls.media_state import MediaState
from bridge.signaling.calls.notices import (
    AskedToConsent,
    CallListener,
    Ended,
    FlowChanged,
    GrantsChanged,
    LetIn,
    LobbyChanged,
    LobbyTold,
    MutedByHost,
    Notice,
    QueuesChanged,
    SentToLobby,
    StoppedByHost,
    TakenOver,
    Wrote,
)
from bridge.signaling.calls.parties import parties
from bridge.signaling.calls.ports import Door, Inviter, MediaSession
from bridge.signaling.calls.presence import Presence
from bridge.signaling.calls.publishing import Published, Publishing, SourceSpec
from bridge.signaling.calls.receiving import Receiving, check_known
from bridge.signaling.calls.snapshot import Snapshot
from bridge.signaling.calls.stats import ConnectionStats, connection_stats
from bridge.signaling.calls.video_states import VideoStates

if TYPE_CHECKING:
    from bridge.signaling.calls.calls import Calls


class Call:
    """One client in a room, or in its lobby, where it has no media at all.

    Made by `Calls`; every method raises `BridgeError`, and then has changed nothing.

    What happens is told to the listener that is attached, in order. Without one (signalling lost) it is not kept: a
    listener that attaches later starts from `snapshot()`.
    """

    def __init__(
        self, calls: Calls, session: Session, door: Door, *, subscribe: bool, view: View | None = None
    ) -> None:
        self.door = door
        self.session = session
        self._calls = calls
        self._listener: CallListener | None = None
        self.media_state = MediaState(self)
        self.video_states = VideoStates(self, calls.session_observer)
        self._ended: EndReason | None = None
        # One negotiation at a time: an answer must not be overtaken by the offer after it.
        self._negotiating = asyncio.Lock()
        self.receiving = Receiving(self, calls, session, self._negotiating, by_default=subscribe, view=view)
        self._lobby_told: LobbyView | None = None
        self._queues_told: tuple[QueueView, ...] = ()
        self._grants_told = session.grants
        self._inside: CallMedia | None = None
        if not session.waiting:
            self._open_media()
        # Not before there is media to watch: its timer would outlive a call that was refused.
        self.presence = Presence(self, calls)

    # Being told

    @property
    def waiting(self) -> bool:
        """Whether the client is in the lobby."""
        return self._inside is None

    def snapshot(self) -> Snapshot:
        """The room as it is now. What is told after `attach` follows from it without a gap."""
        own = () if self._inside is None else self._inside.publishing.sources()
        rooms = self._calls.rooms
        lobby, state = rooms.lobby(self.session.id), rooms.state(self.session.room_id)
        asked = rooms.consent(self.session.id)
        consent = None if asked is None else AskedToConsent(*asked)
        others, stills = tuple(self.others()), self.stills.of(self.session.id)
        chat, proposals = self._chat(), self._proposals()
        seen = rooms.video_consent(self.session.id)
        return Snapshot(
            self.session, others, own, state, lobby, self._who_waits(), chat, consent, proposals, seen, stills
        )

    def attach(self, listener: CallListener) -> None:
        """Tells `listener` from now on, and the one before that it is out. Catches up on what a snapshot lacks."""
        before, self._listener = self._listener, listener
        if before is not None:
            before(TakenOver())
        if self._inside is not None:
            self._catch_up(self._inside)
        self._queues_told = ()
        self._tell_queues()
        self.presence.signalling_back()

    def detach(self, listener: CallListener, attachment: int) -> None:
        """The signalling connection of this listener is gone. Ignored when another has taken over."""
        if self._listener is listener:
            self._listener = None
            self._calls.rooms.disconnect(self.session.id, attachment)
            self._calls.arm()
            self.presence.signalling_lost()

    def tell(self, notice: Notice) -> None:
        """Passes a notice to the door, if one is there."""
        if self._listener is not None:
            self._listener(notice)

    def tell_room(self, notice: Notice) -> None:
        """Passes a notice to every call in the room."""
        self._calls.tell_room(self.session.room_id, notice)

    def is_muted(self, source_id: int) -> bool:
        """Whether this source of one's own is muted."""
        own_sources = () if self._inside is None else self._inside.publishing.sources()
        return any(own.source.muted for own in own_sources if own.source.id == source_id)

    def count_stall(self, *, to_bridge: bool) -> None:
        """Media of this client stopped without anyone asking for it."""
        self._calls.session_observer.on_stalled(self.session.id, to_bridge=to_bridge)

    def tell_encodings(self, producer_id: int, wanted: WantedEncodings) -> None:
        """Tells the client which encodings of its own producer are received.

        A WHIP client, which has no door to be told by, is told by REMB how much is received at most.
        """
        if self._inside is None:
            return
        notice = self._inside.publishing.want_encodings(producer_id, wanted)
        if notice is not None:
            self.tell(notice)

    @property
    def ended(self) -> EndReason | None:
        """Why it is over, if it is."""
        return self._ended

    # Sending

    async def publish(self, offer: str, specs: Mapping[str, SourceSpec]) -> Published:
        """Answers an offer of the publish connection; `specs` by MID. See `Publishing.publish`."""
        async with self._negotiating:
            return await self._in_room().publishing.publish(offer, specs)

    def update_source(self, source_id: int, **change: Unpack[SourceChange]) -> None:
        """Mutes, unmutes or switches a source of one's own. Raises `source_not_found`, `wrong_kind`, `not_granted`."""
        self._in_room().publishing.update(source_id, **change)

    def unpublish(self, source_ids: Sequence[int]) -> None:
        """Takes sources of one's own out of the room: all, or none and `source_not_found`."""
        publishing = self._in_room().publishing
        own = {own.source.id for own in publishing.sources()}
        check_known(source_ids, own)
        for source_id in dict.fromkeys(source_ids):
            publishing.remove(source_id)

    # Receiving: see `receiving`, too

    def follow(self) -> None:
        """Brings the client in line with the room: its subscriptions, unless it watches (WHEP), or its wait."""
        if self._ended is not None:
            return
        self._tell_queues()
        if self._inside is None:
            self._tell_lobby()
        elif self.door is Door.WEBSOCKET:
            self.receiving.follow(self._inside.session)

    def hear_interpreters(self) -> None:
        """Has interpreters, and whom a host pinned, heard by everyone, however many others are louder."""
        pinned = self._calls.rooms.state(self.session.room_id).pinned
        carried = [
            self._calls.table.of_source(source.id)
            for participant in self._calls.rooms.participants(self.session.room_id)
            if participant.role in INTERPRETERS or participant.id == pinned
            for source in participant.sources
            if source.kind is MediaKind.AUDIO
        ]
        if self._inside is not None:
            self._inside.session.hear_always([each.producer_id for each in carried if each is not None])

    def show_parties(self) -> None:
        """Says who is in the room, for whoever receives it as one picture and one sound."""
        if self._inside is not None:
            rooms, room_id = self._calls.rooms, self.session.room_id
            shown = parties(rooms.participants(room_id), self._calls.table, rooms.state(room_id).pinned)
            self._inside.session.show_parties(shown)

    def trickles(self, kind: ConnectionKind, fragment: str) -> bool:
        """Whether a trickle-ice-sdpfrag tells candidates with the ICE credentials of the session that runs.

        Raises `BridgeError` for one that cannot be read.
        """
        return self._in_room().session.trickles(kind, fragment)

    async def restart_ice(self, kind: ConnectionKind, fragment: str, *, demanded: bool) -> str | None:
        """Takes a trickle-ice-sdpfrag (RFC 8840); the fragment to answer with if it restarted ICE.

        Where a restart is `demanded`, raises `BridgeError` (`sdp_invalid`) for one that restarts nothing.
        """
        async with self._negotiating:
            return await self._in_room().session.restart_ice(kind, fragment, demanded=demanded)

    # Both

    async def stats(self) -> dict[ConnectionKind, ConnectionStats | None]:
        """What the bridge counts on both connections."""
        if self._inside is None:
            return dict.fromkeys(ConnectionKind)
        stats = await self._inside.session.stats()
        return {kind: connection_stats(stats[kind.value], self._calls.table) for kind in ConnectionKind}

    def leave(self, reason: EndReason = EndReason.LEFT) -> None:
        """Ends the call. Idempotent."""
        self._calls.rooms.leave(self.session.id, reason)
        self._calls.arm()

    # Deciding about others

    @property
    def moderation(self) -> Moderation:
        """What a host may decide, in the name of `session`."""
        return self._calls.rooms.moderation

    @property
    def participation(self) -> Participation:
        """What anyone in the room may do, in the name of `session`."""
        return self._calls.rooms.participation

    @property
    def stills(self) -> Stills:
        """Still pictures, asked for and consented to in the name of `session`."""
        return self._calls.rooms.stills

    @property
    def rooms(self) -> Rooms:
        """Where `session` is."""
        return self._calls.rooms

    @property
    def inviter(self) -> Inviter | None:
        """Who makes links for those in a call."""
        return self._calls.inviter

    def decided(self) -> None:
        """To be called after each decision: deadlines may follow from it."""
        self._calls.arm()

    async def settled(self) -> None:
        """Returns when what was decided is kept; see `Calls.settled`."""
        await self._calls.settled()

    def knock(self) -> None:
        """A client of the HTTP doors waits: it has the grace period to ask again."""
        self._calls.rooms.disconnect(self.session.id, self.session.attachment)
        self._calls.arm()

    # Called by `Calls`

    def resumed(self, session: Session) -> None:
        """The room has given the session to a new connection."""
        self.session = session

    def handle_room_event(self, event: RoomEvent) -> None:
        """Passes on what the others do. What one does oneself, one knows."""
        if self._inside is None:
            self._handle_in_lobby(event)
            return
        own = self.session.participant_id
        match event:
            case ParticipantJoined(participant=participant) | ParticipantUpdated(participant=participant):
                if participant.id != own:
                    self.tell(event)
                else:
                    self._follow_grants()
            case ParticipantLeft() | SourceAdded() | SourceUpdated() | SourceRemoved():
                if isinstance(event, SourceRemoved):
                    self.receiving.forget(event.source.id)
                    self.video_states.forget(event.source.id)
                if event.participant_id != own:
                    self.tell(event)
            case SourceMuted(participant_id=owner, source=source):
                if owner == own and source.session_id == self.session.id:
                    self._inside.publishing.muted(source)
                    self.tell(MutedByHost(source))
            case SourceStopped(participant_id=owner, source=source):
                if owner == own and source.session_id == self.session.id:
                    self._inside.publishing.stopped(source.id)
                    self.tell(StoppedByHost(source))
            case WaitingJoined() | WaitingUpdated() | WaitingLeft() | InvitationProposed():
                if self._decides():
                    self.tell(event)
            case ProposalAnswered(proposal=proposal):
                if self._decides() or proposal.participant_id == own:
                    self.tell(event)
            case RoomChanged() | RecordingFailed():
                self.tell(event)
            case UnmuteAsked(participant_id=asked):
                if asked == own:
                    self.tell(event)
            case ChatSaid(recipients=recipients, message=message):
                if own in recipients:
                    self.tell(self._wrote(message))
            case ConsentAsked(recipients=recipients, request=request):
                if own in recipients:
                    self.tell(AskedToConsent(request))
            case SentBack(participant_id=sent):
                if sent == own:
                    self._leave_room()
            case _:
                pass

    def end(self, reason: EndReason) -> None:
        """The room has ended the session: tells so, and lets go of the media."""
        self._ended = reason
        self.presence.close()
        self._close_media()
        self.tell(Ended(reason))
        self._listener = None

    # The lobby

    def _handle_in_lobby(self, event: RoomEvent) -> None:
        own = self.session.participant_id
        match event:
            case Admitted(participant_id=admitted) if admitted == own:
                self._enter_room()
            case LobbyMessaged(recipients=recipients, message=message) if own in recipients:
                self.tell(LobbyTold(message))
            case ConsentAsked(recipients=recipients, request=request) if own in recipients:
                self.tell(AskedToConsent(request))
            case _:
                pass

    def _enter_room(self) -> None:
        self.session = self._calls.rooms.session(self.session.id)
        try:
            self._open_media()
        except BridgeError as error:
            # No worker has place: the client is told to join again, and finds its place in the queue kept.
            self._calls.log_refusal("admit", error)
            self.leave(EndReason.MEDIA_LOST)
            return
        self._lobby_told = None
        state = self._calls.rooms.state(self.session.room_id)
        self.tell(LetIn(tuple(self.others()), self._who_waits(), state, self._chat(), self._proposals()))

    def _leave_room(self) -> None:
        self.session = self._calls.rooms.session(self.session.id)
        self._close_media()
        self.presence.forget_media()
        self.media_state.forget()
        self.receiving.forget_all()
        self.video_states.forget_all()
        view = self._calls.rooms.lobby(self.session.id)
        if view is not None:
            self._lobby_told = view
            self.tell(SentToLobby(view))
        if self.door is not Door.WEBSOCKET:
            self.knock()

    def _tell_lobby(self) -> None:
        view = self._calls.rooms.lobby(self.session.id)
        if view is not None and view != self._lobby_told:
            self._lobby_told = view
            self.tell(LobbyChanged(view))

    def _tell_queues(self) -> None:
        queues = self._calls.rooms.queued(self.session.room_id) if self._decides() else ()
        if queues != self._queues_told:
            self._queues_told = queues
            self.tell(QueuesChanged(queues))

    # Inside

    def _open_media(self) -> None:
        session = self.session
        listener = MediaListener(self, self._calls.table)
        media = self._calls.media.open_session(session.room_id, session.id, listener)
        publishing = Publishing(session, self._calls.rooms, media, self._calls.table)
        self._inside = CallMedia(media, listener, publishing)
        self._grants_told = session.grants

    def _close_media(self) -> None:
        if self._inside is not None:
            self._inside.listener.forget()
            self._inside.publishing.forget()
            self._calls.spawn(self._inside.session.close())
            self._inside = None

    def _catch_up(self, inside: CallMedia) -> None:
        for source in (source for participant in self.others() for source in participant.sources):
            if self._calls.table.is_stalled(source.id):
                self.tell(FlowChanged(source.id, to_bridge=True, live=False))
        self.media_state.catch_up()
        for call in self._calls.in_room(self.session.room_id):
            if call.media_state.quality is not None:
                self.tell(call.media_state.quality)
        self.video_states.catch_up()
        for notice in inside.publishing.encodings_wanted():
            self.tell(notice)
        self.receiving.catch_up()

    @property
    def attached(self) -> bool:
        """Whether a door is there to be told."""
        return self._listener is not None

    def media(self) -> MediaSession | None:
        """The media of a client in the room."""
        return None if self._inside is None else self._inside.session

    def _in_room(self) -> CallMedia:
        if self._inside is None:
            raise in_lobby()
        return self._inside

    def _decides(self) -> bool:
        return not self.waiting and self.session.may(Grant.HOST)

    def _who_waits(self) -> tuple[Participant, ...] | None:
        return tuple(self._calls.rooms.waiting(self.session.room_id)) if self._decides() else None

    def _proposals(self) -> tuple[Proposal, ...] | None:
        return self._calls.rooms.proposals(self.session.id) if self._decides() else None

    def _chat(self) -> tuple[Wrote, ...]:
        if self.waiting:
            return ()
        return tuple(self._wrote(message) for message in self._calls.rooms.chat(self.session.id))

    def _wrote(self, message: ChatMessage) -> Wrote:
        return Wrote(message, max(0.0, self._calls.clock() - message.at))

    def _follow_grants(self) -> None:
        self.session = self._calls.rooms.session(self.session.id)
        if self.session.grants != self._grants_told:
            self._grants_told = self.session.grants
            self.tell(GrantsChanged(self.session.grants, self._who_waits(), self._proposals()))

    def others(self) -> list[Participant]:
        """The other participants of the room, in order of joining; nobody for one who waits."""
        if self.waiting:
            return []
        return [
            participant
            for participant in self._calls.rooms.participants(self.session.room_id)
            if participant.id != self.session.participant_id
        ]
