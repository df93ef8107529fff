"""Whether one receiver gets the room as one composed picture or every picture on its own, and the way between the two.

Neither picture goes before the other is there: what is to be left behind is sent until what comes in its place flows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.sfu.allocation import ranks
from bridge.sfu.allocation.model import Source
from bridge.sfu.allocation.sharing import START_BITRATE
from bridge.sfu.allocation.view import ViewChooser
from bridge.sfu.composed_picture import ComposedPicture
from bridge.sfu.consumers import Consumers
from bridge.sfu.types import ComposedLayout, Subscription, View, ViewReason, ViewState

if TYPE_CHECKING:
    from bridge.sfu.router import Router

STREAM = "composed"
"""Stream and track id of the composed picture in SDP."""
RETRY_SECONDS = 30.0
"""After which a picture is asked for again that could not be composed."""


@dataclass(frozen=True)
class _Held:
    """A composed picture that is made for this receiver too."""

    picture: ComposedPicture
    producer_id: int
    """While it is made: a picture that is started again has another."""


class ComposedView:
    """The choice of one connection. Whoever has it subscribes to `wanted`."""

    def __init__(self, router: Router, consumers: Consumers, on_state: Callable[[ViewState], None]) -> None:
        """`on_state` is told what the receiver gets."""
        self._router = router
        self._consumers = consumers
        self._on_state = on_state
        self._view = View.SEPARATE
        self._layout, self._hidden = ComposedLayout(), False
        self._chooser = ViewChooser()
        self._held: _Held | None = None
        """The composed picture that is received, or to be."""
        self._before: _Held | None = None
        """The one in another layout that is received until that one flows."""
        self._anew = 0.0
        """Until when no leg is asked for to have it in another layout."""
        self._bitrate = START_BITRATE
        self._refused: tuple[ViewReason, float] | None = None
        """Why there is none although there should be, and until when none is asked for."""
        self._told = ViewState(False, "asked")

    @property
    def producer_id(self) -> int:
        """The composed picture that is received, or to be; 0 for none."""
        return 0 if self._held is None else self._held.producer_id

    @property
    def producer_ids(self) -> list[int]:
        """That one, and the one that is received until it flows."""
        return [each.producer_id for each in self._all()]

    @property
    def follows_line(self) -> bool:
        """Whether time and the line may change something."""
        return self._view is not View.SEPARATE

    @property
    def composed(self) -> bool:
        """Whether the composed picture is what is to be received."""
        wants = self._view is View.COMPOSED or (self._view is View.AUTO and self._chooser.composed)
        return wants and self._refused is None

    def ask(self, view: View, layout: ComposedLayout, *, hidden: bool) -> None:
        """What the receiver wants from now on; `hidden`: it does not show a composed picture now."""
        if view is not self._view:
            self._view, self._refused = view, None
            self._chooser = ViewChooser()
        self._layout, self._hidden = layout, hidden
        for each in self._all():
            each.picture.show(self, not hidden)

    def look(self, now: float, budget: int | None, videos: Sequence[Source], *, limit_seen: bool) -> bool:
        """Takes in what the line carries beside sound, and what the pictures on their own would take.

        Whether `wanted` may be another by it. `limit_seen`: the line was seen to carry no more.
        """
        before = self.composed
        if self._view is View.AUTO:
            self._chooser.update(now, budget, videos, limit_seen=limit_seen)
        if self._refused is not None and now >= self._refused[1]:
            self._refused = None
        other = self._held is not None and self._held.picture.layout != self._layout
        return self.composed is not before or (self.composed and other and now >= self._anew)

    def wanted(
        self, now: float, asked: Sequence[Subscription], lacking: Collection[str], is_live: Callable[[int], bool]
    ) -> list[Subscription]:
        """What is to be received of what was asked for. `lacking` are the codecs that the receiver is known to lack."""
        if self._before is not None and is_live(self.producer_id):
            self._drop(self._before)
            self._before = None
        if self.composed and self._held is None:
            self._acquire(now, lacking)
        elif self.composed and self._held is not None:
            self._lay_out(now, lacking, self._held, is_live)
        composed = self.composed
        if not composed and self.producer_id and self._arrived(asked, is_live):
            self.release()
        self._tell(composed)
        wanted = list(asked)
        if composed and (self._before is not None or is_live(self.producer_id)):
            wanted = [each for each in asked if not self._is_video(each.producer_id)]
        for producer_id in self.producer_ids:
            # Each has a track of its own: for a moment there may be two.
            track = f"{STREAM}-{producer_id}"
            wanted.append(Subscription(producer_id, STREAM, track, rank=ranks.PINNED, paused=self._hidden))
        return wanted

    def set_bitrate(self, bitrate: int) -> None:
        """What the line carries of the composed picture, in place of all pictures.

        Made for less to begin with, it would come in two sizes, one after the other.
        """
        self._bitrate = bitrate
        for each in self._all():
            each.picture.set_bitrate(self, bitrate)

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Told by the picture: which of its encodings is for this line."""
        self._consumers.choose(producer_id, encoding, bitrate)

    def refuse(self, now: float, why: ViewReason) -> None:
        """It cannot be had. What there was before stays, or else each picture comes on its own; see `RETRY_SECONDS`."""
        if self._before is not None and self._held is not None:
            self._drop(self._held)
            self._held, self._before, self._anew = self._before, None, now + RETRY_SECONDS
        else:
            self._refused = (why, now + RETRY_SECONDS)
            self.release()

    def ended(self, now: float, producer_ids: Collection[int]) -> bool:
        """Producers have ended, and their consumers. Whether `wanted` is another by it."""
        held = self.producer_ids
        if self._before is not None and self._before.producer_id in producer_ids:
            self._drop(self._before)
            self._before = None
        if self.producer_id in producer_ids:
            self.refuse(now, "leg_failed")
        return held != self.producer_ids

    def release(self) -> None:
        """Lets go of it; with its last receiver it is made no more."""
        held, self._held, self._before = self._all(), None, None
        for each in held:
            self._drop(each)

    def _all(self) -> list[_Held]:
        return [each for each in (self._held, self._before) if each is not None]

    def _drop(self, held: _Held) -> None:
        self._consumers.close(held.producer_id)
        held.picture.release(self)

    def _acquire(self, now: float, lacking: Collection[str]) -> None:
        picture = self._router.compositions.picture(lacking, self._layout)
        if picture is None:
            enabled = self._router.compositions.enabled
            self._refused = ("unsupported_codec" if enabled else "legs_exhausted", now + RETRY_SECONDS)
            return
        try:
            self._held = self._hold(picture)
        except BridgeError as error:
            self._refused = ("legs_exhausted" if error.code == "legs_exhausted" else "leg_failed", now + RETRY_SECONDS)

    def _lay_out(self, now: float, lacking: Collection[str], held: _Held, is_live: Callable[[int], bool]) -> None:
        """Has it in the layout that is asked for. Where others have it as it is, this one goes over to another."""
        compositions = self._router.compositions
        if held.picture.layout == self._layout or compositions.lay_out(held.picture, self._layout):
            return
        picture = compositions.picture(lacking, self._layout)
        if picture is None or (not picture.receivers and now < self._anew):
            return
        try:
            other = self._hold(picture)
        except BridgeError:
            # As it is it is better than none.
            self._anew = now + RETRY_SECONDS
            return
        self._held = other
        if self._before == other:
            self._before = None
        if self._before is None and is_live(held.producer_id) and not is_live(other.producer_id):
            self._before = held
        else:
            self._drop(held)

    def _hold(self, picture: ComposedPicture) -> _Held:
        held = _Held(picture, picture.acquire(self, self._bitrate))
        picture.show(self, not self._hidden)
        return held

    def _arrived(self, asked: Sequence[Subscription], is_live: Callable[[int], bool]) -> bool:
        """Whether any picture on its own flows again, or none is to."""
        videos = [each.producer_id for each in asked if self._is_video(each.producer_id) and not each.paused]
        return not videos or any(is_live(producer_id) for producer_id in videos)

    def _is_video(self, producer_id: int) -> bool:
        published = self._router.producers.get(producer_id)
        return published is not None and published.producer.kind == "video"

    def _tell(self, composed: bool) -> None:
        reason: ViewReason = "asked"
        if self._refused is not None:
            reason = self._refused[0]
        elif self._view is View.AUTO:
            reason = "thin_line" if composed else "good_line"
        state = ViewState(composed, reason)
        # At first each comes on its own: that need not be said.
        silent = self._told == ViewState(False, "asked") and state == ViewState(False, "good_line")
        if state != self._told and not silent:
            self._told = state
            self._on_state(state)
