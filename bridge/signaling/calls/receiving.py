"""What one client receives: which sources of the others, and the negotiation of its subscribe connection."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.room import Grant, NotGrantedError, Session, in_lobby
from bridge.sfu import AUTO_LAYOUT, ComposedLayout, SubscribeResult, Subscription, View, WatchResult
from bridge.signaling.calls.layout import Layout
from bridge.signaling.calls.notices import SubscribeOffered, SubscriptionRefused, Track
from bridge.signaling.calls.ports import MediaSession
from bridge.signaling.calls.subscriptions import Subscriptions

if TYPE_CHECKING:
    from bridge.signaling.calls.call import Call
    from bridge.signaling.calls.calls import Calls


class Receiving:
    """The receiving half of a call. Every method raises `BridgeError`, and then has changed nothing."""

    def __init__(
        self,
        call: Call,
        calls: Calls,
        session: Session,
        negotiating: asyncio.Lock,
        *,
        by_default: bool,
        view: View | None,
    ) -> None:
        """`by_default`: whether it receives what it said nothing about; `view` is what its role says of pictures."""
        # Calls own this. Were this a cycle, ended calls would stay until the collector comes round.
        self._call = weakref.proxy(call)
        self._calls = calls
        self._subscriptions = Subscriptions(session.participant_id, by_default=by_default)
        self._view = view
        self._may_subscribe = session.may(Grant.SUBSCRIBE)
        self._unanswered: int | None = None
        self._offer_due = False
        self._refused: set[int] = set()
        self._negotiating = negotiating

    def choose(self, source_ids: Sequence[int], *, wanted: bool) -> None:
        """Wants these sources of others, or does not. Raises `source_not_found`, `not_granted`."""
        if wanted:
            self._check_may_subscribe()
        self._check_others(source_ids)
        self._subscriptions.choose(source_ids, wanted)
        self._call.follow()

    def pause(self, source_id: int, paused: bool) -> None:
        """Stops or goes on receiving a source, without renegotiation. Raises `source_not_found`."""
        self._check_others([source_id], "source_id")
        self._subscriptions.pause(source_id, paused)
        self._call.follow()

    def show(self, layout: Layout) -> None:
        """Takes what the client shows now, in place of what it said before.

        Sources that are not in the room are left out: they may have gone while the client said so.
        """
        known = {source.id for participant in self._call.others() for source in participant.sources}
        heights = {source_id: height for source_id, height in layout.heights.items() if source_id in known}
        self._subscriptions.layout = replace(layout, heights=heights)
        self._call.follow()

    def want_offer(self, *, ice_restart: bool = False) -> None:
        """Has an offer made and told, now or when a listener attaches."""
        if not self._call.attached:
            self._offer_due = True
        else:
            self._offer_due = False
            self._calls.spawn(self._make_offer(ice_restart))

    async def answer(self, sdp: str, revision: int) -> None:
        """Takes the client's answer to an offer. Raises `stale_answer`, and as the media session does."""
        async with self._negotiating:
            result = await self._media().subscribe_answer(sdp, revision)
            if self._unanswered == revision:
                self._unanswered = None
            self._tell_refused(result)

    async def watch(
        self,
        offer: str,
        participant_id: str | None,
        view: View | None = None,
        layout: ComposedLayout = AUTO_LAYOUT,
    ) -> WatchResult:
        """Answers a client's offer to receive (WHEP): sources of the others, or of one of them, in order of joining.

        With a composed view it is one picture of everybody, and one sound without the client's own voice; whom it
        watches alone comes as it is sent. Raises `not_granted`, `nothing_to_watch`, `participant_not_found`, and as the
        media session does.
        """
        self._check_may_subscribe()
        media = self._media()
        composed = participant_id is None and (view or self._view) is View.COMPOSED
        wanted = self._watchable(participant_id, may_be_empty=composed)
        async with self._negotiating:
            if not composed:
                return await media.watch(offer, wanted)
            own = self._call.session.participant_id
            result = await media.watch(offer, wanted, view=View.COMPOSED, layout=layout, without=own)
            if not result.producers and not wanted:
                # No leg could be started, and there is nothing to forward in place of what it would have made.
                raise nothing_to_watch()
            return result

    # Called by the call

    def follow(self, media: MediaSession) -> None:
        """Brings the subscriptions in line with the room."""
        if self._may_subscribe:
            pinned = self._calls.rooms.state(self._call.session.room_id).pinned
            wanted = self._subscriptions.wanted(self._call.others(), self._calls.table, pinned)
            layout = self._subscriptions.layout
            media.set_subscriptions(wanted, self._effective_view(), layout.composed, hidden=layout.composed_hidden)

    def catch_up(self) -> None:
        """A listener is there again: what it has not answered is offered anew."""
        if self._offer_due or self._unanswered is not None:
            self.want_offer()

    def forget(self, source_id: int) -> None:
        """A source is gone from the room."""
        self._subscriptions.forget(source_id)
        self._refused.discard(source_id)

    def forget_all(self) -> None:
        """The client is in the lobby: its connection is gone, and the sources with it."""
        self._unanswered, self._offer_due = None, False
        self._subscriptions.forget_all()
        self._refused.clear()

    # Inside

    def _media(self) -> MediaSession:
        media: MediaSession | None = self._call.media()
        if media is None:
            raise in_lobby()
        return media

    def _check_may_subscribe(self) -> None:
        if not self._may_subscribe:
            raise NotGrantedError(Grant.SUBSCRIBE.value)

    def _check_others(self, source_ids: Sequence[int], field: str | None = None) -> None:
        others = {source.id for participant in self._call.others() for source in participant.sources}
        check_known(source_ids, others, field)

    def _effective_view(self) -> View:
        """A client that leaves it to the bridge has what its role says."""
        asked = self._subscriptions.layout.view
        if asked is None or (asked is View.AUTO and self._view is not None):
            return self._view or View.SEPARATE
        return asked

    def _watchable(self, participant_id: str | None, *, may_be_empty: bool) -> list[Subscription]:
        others = self._call.others()
        if participant_id is not None:
            others = [participant for participant in others if participant.id == participant_id]
            if not others:
                raise BridgeError(
                    "participant_not_found", "There is no such other participant in this room.", field="participant"
                )
        wanted = self._subscriptions.wanted(others, self._calls.table)
        if not wanted and not may_be_empty:
            raise nothing_to_watch()
        return wanted

    async def _make_offer(self, ice_restart: bool) -> None:
        async with self._negotiating:
            media = self._call.media()
            if media is None:
                return
            try:
                offer = await media.subscribe_offer(ice_restart=ice_restart)
            except BridgeError as error:
                # Nothing to offer (any more), or the session ended meanwhile: there is nobody to tell it to.
                self._calls.log_refusal("subscribe_offer", error)
                return
            self._unanswered = offer.revision
            tracks = [self._track(mid, producer_id) for mid, producer_id in offer.producers.items()]
            self._call.tell(
                SubscribeOffered(
                    offer.sdp, offer.revision, tuple(track for track in tracks if track is not None), offer.composed
                )
            )

    def _track(self, mid: str, producer_id: int) -> Track | None:
        """None for a producer that went while the offer was made; the next offer is without it."""
        carried = self._calls.table.of_producer(producer_id)
        if carried is None:
            return None
        for participant in self._call.others():
            for source in participant.sources:
                if source.id == carried.source_id:
                    return Track(mid, participant.id, source.id, source.name, source.kind)
        return None

    def _tell_refused(self, result: SubscribeResult) -> None:
        refused = {}
        for unsupported in result.unsupported:
            carried = self._calls.table.of_producer(unsupported.producer_id)
            if carried is not None:
                refused[carried.source_id] = unsupported
        for source_id, unsupported in refused.items():
            if source_id not in self._refused:
                codecs = f" It is sent as {', '.join(unsupported.codecs)}." if unsupported.codecs else ""
                message = f"This client cannot receive the source.{codecs}"
                self._call.tell(SubscriptionRefused(source_id, unsupported.code, message))
        self._refused = set(refused)


def nothing_to_watch() -> BridgeError:
    """There is nothing to receive."""
    return BridgeError("nothing_to_watch", "Nobody else sends anything yet.", hint="Try again in a moment.")


def check_known(source_ids: Sequence[int], known: set[int], field: str | None = None) -> None:
    """Raises `BridgeError` (`source_not_found`) for the first that is not known.

    `field` is where the client named the only one; without it, they are a list of the request's.
    """
    for index, source_id in enumerate(source_ids):
        if source_id not in known:
            place = field or f"source_ids[{index}]"
            raise BridgeError("source_not_found", "There is no such source in this room.", field=place)
