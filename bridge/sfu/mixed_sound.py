"""The sound of a room as one stream: one leg mixes it, once, and leaves out each receiver's own voice (N−1)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from bridge.sfu.leg_host import LegHost
from bridge.sfu.leg_transport import DECODED, leg_codec, taken
from bridge.sfu.legs import MixSpec, SceneOutput, SceneSound, SceneVoice, SoundScene
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.socket_transport import new_ssrc
from bridge.sfu.types import Producer

if TYPE_CHECKING:
    from bridge.sfu.compositions import Compositions
    from bridge.sfu.parties import Party
    from bridge.sfu.router import PublishedProducer

BITRATE = 300_000
"""What a line is taken for that nothing is known of."""
MAX_SOUNDS = 64
"""Sounds that are mixed at most; the room's loudest speakers are chosen from before they come here."""


class Mix:
    """One mix: in one codec, and without one participant's voice or with everybody's. Receivers alike share it."""

    def __init__(self, sound: MixedSound, codec: Codec, without: str | None) -> None:
        self._sound = sound
        self.codec = codec
        self.codecs = (MediaCodec(codec),)
        self.without = without
        self.producer_id = 0
        self.ssrc = 0
        self.receivers: dict[object, int] = {}
        """What each one's line carries, in bit/s."""

    def acquire(self, receiver: object, bitrate: int = BITRATE) -> int:
        """Has it made for one more receiver; the producer to consume. Raises `BridgeError` if no leg may be started."""
        if not self.receivers:
            self._sound.start(self)
        self.receivers[receiver] = bitrate
        self._sound.prefer_dtx(receiver, False)
        self._sound.changed()
        return self.producer_id

    def release(self, receiver: object) -> None:
        """One receiver less; it ends with the last. Idempotent."""
        if self.receivers.pop(receiver, None) is not None:
            self._sound.forget(receiver)
            if not self.receivers:
                self._sound.stop(self)
            self._sound.changed()

    def set_bitrate(self, receiver: object, bitrate: int) -> None:
        """What the line of a receiver carries."""
        if receiver in self.receivers:
            self.receivers[receiver] = bitrate
            self._sound.follow_lines()

    def set_loss(self, receiver: object, lost: float) -> None:
        """What a receiver loses, 0–1."""
        if receiver in self.receivers:
            self._sound.set_loss(receiver, lost)

    def prefer_dtx(self, receiver: object, dtx: bool) -> None:
        """Whether a receiver prefers that silence is not sent."""
        if receiver in self.receivers:
            self._sound.prefer_dtx(receiver, dtx)


class MixedSound(LegHost):
    """All mixes of a room, and the leg that makes them; it runs while there is a mix."""

    reason = "mixed"

    def __init__(self, owner: Compositions) -> None:
        super().__init__(owner.router, owner.runner, "audio")
        self._owner = owner
        self._mixes: list[Mix] = []
        """Those that are made."""
        self._bitrate = BITRATE

    @property
    def receivers(self) -> int:
        """How many have a mix."""
        return sum(len(mix.receivers) for mix in self._mixes)

    def start(self, mix: Mix) -> None:
        """Has one more mix made. Raises `BridgeError`."""
        router = self._router
        transport = self._transport or self._start_leg(MixSpec(), self._bitrate)
        mix.producer_id, mix.ssrc = router.new_id(), new_ssrc()
        producer = Producer(mix.producer_id, "mixed", "audio", codecs.names(mix.codecs))
        router.producers[mix.producer_id] = self._owner.published(producer, mix.codecs)
        transport.produce(mix.producer_id, "audio", mix.codecs, mix.ssrc)
        self._mixes.append(mix)
        self.follow()

    def stop(self, mix: Mix) -> None:
        """Has a mix made no longer; the leg ends with the last."""
        if mix not in self._mixes or self._transport is None:
            return
        self._mixes.remove(mix)
        self._router.producers.pop(mix.producer_id, None)
        if self._mixes:
            self._transport.end_producer(mix.producer_id)
            self.follow()
        else:
            self.end()
        mix.producer_id = 0

    def changed(self) -> None:
        """Who receives a mix is another."""
        self.follow_lines()
        self._router.legs_changed()

    def follow_lines(self) -> None:
        """The thinnest line decides how many bits sound takes."""
        bitrate = min((each for mix in self._mixes for each in mix.receivers.values()), default=BITRATE)
        if self._leg is not None and bitrate != self._bitrate:
            self._bitrate = bitrate
            self._leg.set_bitrate(bitrate)

    def set_loss(self, receiver: object, lost: float) -> None:
        """What a receiver of one of the mixes loses, 0–1."""
        self._lose(receiver, lost)

    def prefer_dtx(self, receiver: object, dtx: bool) -> None:
        """Whether a receiver of one of the mixes prefers that silence is not sent."""
        self._prefer_dtx(receiver, dtx)

    def forget(self, receiver: object) -> None:
        """A receiver less."""
        self._forget(receiver)

    def follow(self) -> None:
        """The room is another: takes in all its sounds, and tells the leg."""
        if self._transport is None or self._leg is None:
            return
        heard = [producer_id for party in self._owner.parties for producer_id in party.sounds][:MAX_SOUNDS]
        self._take_in(self._transport, self._usable(heard))
        voices = (SceneVoice(party.id, self._sounds_of(party)) for party in self._owner.parties)
        outputs = (SceneOutput(mix.ssrc, leg_codec(mix.codec), mix.without) for mix in self._mixes)
        # Of a large room those who are silent are many, and the leg has nothing to do with them.
        self._leg.set_scene(SoundScene(tuple(voice for voice in voices if voice.sounds), tuple(outputs)))

    def _sounds_of(self, party: Party) -> tuple[SceneSound, ...]:
        return tuple(
            SceneSound(taken_in.ssrc, tuple(map(leg_codec, _mixable(taken_in.published))))
            for producer_id in party.sounds
            if (taken_in := self._inputs.get(producer_id)) is not None
        )

    def _made(self) -> list[int]:
        return [mix.producer_id for mix in self._mixes]

    def _made_codecs(self) -> Collection[MediaCodec]:
        return [MediaCodec(mix.codec) for mix in self._mixes]

    def _forget_receivers(self) -> None:
        for mix in self._mixes:
            mix.receivers.clear()

    def _forget_made(self) -> None:
        for mix in self._mixes:
            mix.producer_id = 0
        self._mixes.clear()

    def _usable(self, heard: list[int]) -> dict[int, PublishedProducer]:
        return {
            producer_id: published
            for producer_id in heard
            if (published := self._router.producers.get(producer_id)) is not None and _mixable(published)
        }


def _mixable(published: PublishedProducer) -> list[Codec]:
    """Those of a sound's codecs that are mixed: keys that are pressed are not."""
    return [codec for codec in taken(published) if codec.key in DECODED["audio"] and codec.key != "telephone-event"]
