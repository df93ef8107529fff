"""What is made of a whole room: its composed pictures and its mixed sound.

Receivers get them in place of many streams (`view`); whoever else needs them, such as a recording, opens them here:

    made = router.compositions.open(on_ended)
    made.video, made.audio    # `PublishedProducer`s of the router, to be consumed like any
    made.close()
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.sfu.composed_picture import ComposedPicture
from bridge.sfu.derived import OFFERED, TARGETS, Suits, target_for, variant
from bridge.sfu.legs import LegRunner
from bridge.sfu.mixed_sound import Mix, MixedSound
from bridge.sfu.parties import Party
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.types import AUTO_LAYOUT, ComposedLayout, LegReport, Producer

if TYPE_CHECKING:
    from bridge.sfu.router import PublishedProducer, Router

OPEN_BITRATE = 1_000_000
"""Of the picture that `open` gives, in bit/s: no line bounds it."""


class OpenComposition:
    """A composed picture and mixed sound that are held open. Made by `Compositions.open`."""

    def __init__(self, owner: Compositions, picture: ComposedPicture, mix: Mix, on_ended: Callable[[], None]) -> None:
        self._owner = owner
        self._picture = picture
        self._mix = mix
        self._on_ended = on_ended
        picture.acquire(self, OPEN_BITRATE)
        try:
            mix.acquire(self)
        except BridgeError:
            picture.release(self)
            raise
        self.video = owner.router.producers[picture.producer_id]
        """In the codec that was asked for, 90 kHz; a keyframe comes when it is asked for, sizes may change."""
        self.audio = owner.router.producers[mix.producer_id]
        """Opus, 48 kHz; everybody's voices."""

    def close(self) -> None:
        """Lets go of both. Idempotent; nothing more is told."""
        self._owner.forget(self)
        self._picture.release(self)
        self._mix.release(self)

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Told by the picture. Nobody's line bounds it, so that it has the main encoding."""

    def producers_ended(self, producer_ids: Collection[int]) -> None:
        """Told by the owner: one of them may be among these. Then both are let go of, and it is told."""
        if {self.video.producer.producer_id, self.audio.producer.producer_id} & set(producer_ids):
            self.end()

    def end(self) -> None:
        """Told by the owner: the room has ended."""
        self.close()
        self._on_ended()


class Compositions:
    """All of a room."""

    def __init__(self, router: Router, runner: LegRunner) -> None:
        self.router = router
        self.runner = runner
        self.parties: tuple[Party, ...] = ()
        """Who is in the room, in order of joining."""
        self._pictures: dict[tuple[str, str, ComposedLayout], ComposedPicture] = {}
        """By codec, by who they are for (receivers, or those who open them), and by layout."""
        self._sound = MixedSound(self)
        self._mixes: dict[tuple[str, str | None], Mix] = {}
        """By codec and by whose voice is left out."""
        self._open: list[OpenComposition] = []

    @property
    def enabled(self) -> bool:
        """Whether there are legs to make anything."""
        return self.runner.enabled

    def open(self, on_ended: Callable[[], None], codec: str) -> OpenComposition:
        """The room as one picture (in `codec`, such as "vp8") and one sound (Opus), whoever else receives what.

        `on_ended` is called once, should its legs end for good before `close`. Raises `BridgeError`
        (`legs_exhausted`), and then has started nothing.
        """
        picture, mix = (
            self._picture(next(each for each in TARGETS["video"] if each.key == codec), "open", AUTO_LAYOUT),
            self._mix(TARGETS["audio"][0], None),
        )
        made = OpenComposition(self, picture, mix, on_ended)
        self._open.append(made)
        return made

    def picture_for(self, suits: Suits, layout: ComposedLayout) -> ComposedPicture | None:
        """The picture in the codec that suits a receiver best."""
        target = target_for("video", suits)
        return None if target is None or not self.enabled else self._picture(target, "view", layout)

    def picture(self, lacking: Collection[str], layout: ComposedLayout) -> ComposedPicture | None:
        """The picture in the best codec that a receiver may have: none of `lacking`, as `variant` names them."""
        target = next((each for each in OFFERED["video"] if variant(each) not in lacking), None)
        return None if target is None or not self.enabled else self._picture(target, "view", layout)

    def lay_out(self, picture: ComposedPicture, layout: ComposedLayout) -> bool:
        """Has a picture laid out anew that one receiver alone has, if there is none like that yet. Whether it was."""
        key = (variant(picture.codec), "view", layout)
        like = self._pictures.get(key)
        if picture.receivers != 1 or (like is not None and like.receivers):
            return False
        self._pictures = {old: each for old, each in self._pictures.items() if each is not picture}
        self._pictures[key] = picture
        picture.lay_out(layout)
        return True

    def mix_for(self, suits: Suits, without: str | None) -> Mix | None:
        """The mix in the codec that suits a receiver best, without the voice of this participant."""
        target = target_for("audio", suits)
        return None if target is None or not self.enabled else self._mix(target, without)

    def show(self, parties: Sequence[Party]) -> None:
        """Says who is in the room, and what each sends."""
        if tuple(parties) != self.parties:
            self.parties = tuple(parties)
            self._follow()

    def speaker(self) -> str | None:
        """The party that speaks, or spoke last."""
        speaking = self.router.active_speaker
        return next((party.id for party in self.parties if speaking in party.sounds), None)

    def speaker_changed(self) -> None:
        """Told by the router: another one speaks."""
        self._follow_pictures()

    def layers_changed(self, producer_id: int) -> None:
        """Told by the router: the layers of a producer changed."""
        if any(producer_id == party.camera or producer_id in party.screens for party in self.parties):
            self._follow_pictures()

    def producers_ended(self, producer_ids: Sequence[int]) -> None:
        """Told by the router, after they have left its list."""
        for producer_id in producer_ids:
            for picture in self._pictures.values():
                picture.producer_ended(producer_id)
            self._sound.producer_ended(producer_id)
        self._follow()
        for made in tuple(self._open):
            made.producers_ended(producer_ids)

    def headroom(self, producer_id: int, encoding: int) -> int:
        """What more an encoding of a producer could be, in bit/s: 0 for those that are no composed picture."""
        found = (picture for picture in self._pictures.values() if picture.producer_id == producer_id)
        return next((picture.headroom(encoding) for picture in found), 0)

    def reports(self) -> list[LegReport]:
        """The legs that run."""
        every = [*(picture.report() for picture in self._pictures.values()), self._sound.report()]
        return [report for report in every if report is not None]

    def forget(self, made: OpenComposition) -> None:
        """Told by one that is closed."""
        with contextlib.suppress(ValueError):
            self._open.remove(made)

    def close(self) -> None:
        """Ends all of them, and tells who holds some open."""
        for made in tuple(self._open):
            made.end()
        for picture in self._pictures.values():
            picture.end()
        self._sound.end()

    def published(self, producer: Producer, codecs: tuple[MediaCodec, ...]) -> PublishedProducer:
        """What a leg makes, as the room's sessions see it: nobody's own."""
        return self.router.made(producer, codecs)

    def _follow(self) -> None:
        self._follow_pictures()
        self._sound.follow()
        self.router.legs_changed()

    def _follow_pictures(self) -> None:
        for picture in self._pictures.values():
            picture.follow()

    def _picture(self, target: Codec, purpose: str, layout: ComposedLayout) -> ComposedPicture:
        key = (variant(target), purpose, layout)
        return self._pictures.setdefault(key, ComposedPicture(self, target, layout))

    def _mix(self, target: Codec, without: str | None) -> Mix:
        # Participants come and go: what nobody hears any more is forgotten.
        self._mixes = {key: mix for key, mix in self._mixes.items() if mix.receivers}
        return self._mixes.setdefault((variant(target), without), Mix(self._sound, target, without))
