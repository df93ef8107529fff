"""Payload types of producers, translated to those of receivers, and the numbers that the bridge gives in its offers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bridge.errors import BridgeError
from bridge.sfu.sdp import codecs
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec, MediaDescription, retransmissions


@dataclass(frozen=True)
class Mapping:
    """One payload type of a producer as a receiver numbers it."""

    producer: int
    receiver: int
    rtx: int | None


def translate(producer: Sequence[MediaCodec], receiver: MediaDescription) -> tuple[list[Mapping], tuple[str, ...]]:
    """What a receiver takes of a producer, and its feedback for that (the union over the codecs that it takes).

    Nothing, if the receiver lacks the producer's first codec: senders use the first one that was agreed on, and a
    receiver that has only the others would see and hear nothing without anybody knowing why.
    """
    rtx = retransmissions(receiver.codecs)
    usable = [each.codec for each in codecs.receivable(receiver)]
    mappings: list[Mapping] = []
    feedback: dict[str, None] = {}
    for each in producer:
        best = _best(each.codec, usable)
        if best is not None:
            mappings.append(Mapping(each.codec.payload_type, best.payload_type, rtx.get(best.payload_type)))
            feedback.update(dict.fromkeys(codecs.known_feedback(best, receiver.kind, receiver.codecs)))
    if all(mapping.producer != _first(producer).payload_type for mapping in mappings):
        return [], ()
    return mappings, tuple(feedback)


def suits(producer: Sequence[MediaCodec], receiver: MediaDescription) -> int | None:
    """How well a receiver takes what a producer sends: 0 is best, None is not at all (see `translate`)."""
    fits = (codecs.decodes(_first(producer), each.codec) for each in codecs.receivable(receiver))
    return min((fit for fit in fits if fit is not None), default=None)


def _first(producer: Sequence[MediaCodec]) -> Codec:
    """What is sent. Redundant Opus is made plain for whoever takes only that."""
    return next((each.codec for each in producer if each.codec.key != "red"), producer[0].codec)


def redundancy(mappings: Sequence[Mapping], receiver: MediaDescription) -> int | None:
    """The receiver's payload type of redundant audio (RFC 2198) with the Opus inside that it is sent."""
    sent = {str(mapping.receiver) for mapping in mappings}
    opus = {str(codec.payload_type) for codec in receiver.codecs if codec.key == "opus"} & sent
    for codec in receiver.codecs:
        if codec.key == "red" and codec.clock_rate == 48000 and codec.parameters.partition("/")[0].strip() in opus:
            return codec.payload_type
    return None


def _best(sent: Codec, offered: Iterable[Codec]) -> Codec | None:
    rated = [(fit, codec) for codec in offered if (fit := codecs.decodes(sent, codec)) is not None]
    return min(rated, key=lambda pair: pair[0])[1] if rated else None


_PREFERRED: dict[str, tuple[int, ...]] = {
    "opus": (111,),
    "red": (63,),
    "vp8": (96, 97),
    "vp9": (98, 99),
    "h264": (102, 103),
    "av1": (45, 46),
    "pcmu": (0,),
    "pcma": (8,),
    "g722": (9,),
    "telephone-event": (101,),
}
"""The numbers that most stacks use, so that captures are easy to read."""

_DYNAMIC: tuple[int, ...] = (*range(96, 128), *range(35, 64))
"""96–127, then what RFC 5761, section 4 leaves over beside multiplexed RTCP."""

_VARIANTS = {"opus": 4, "red": 4, "vp8": 2, "vp9": 4, "h264": 8, "av1": 4, "telephone-event": 2}
"""How many kinds of a codec one connection may carry in its life; one of those not named. Together they fit the numbers
there are: whoever publishes ever new variants of one codec does not use up the numbers of the others."""

_STATIC = frozenset({0, 8, 9})

_VIDEO_FEEDBACK = ("nack", "nack pli", "ccm fir", "transport-cc")
_AUDIO_FEEDBACK = ("nack", "transport-cc")


class PayloadTypes:
    """The bridge's own numbering on one subscribe connection: what a number means never changes."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int, int, str], MediaCodec] = {}
        self._taken: set[int] = set()

    def number(self, producer: Sequence[MediaCodec]) -> list[MediaCodec]:
        """A producer's codecs as the bridge offers them; with Opus also redundant audio, which the bridge makes itself.

        Those that there are no numbers left for are not among them; if the first is one of those, which is the one that
        is sent, `too_many_codecs` is raised.
        """
        numbered: list[MediaCodec] = []
        opus: int | None = None
        for each in sorted(producer, key=lambda codec: codec.codec.key == "red"):
            try:
                offered = self._one(each.codec, opus)
            except BridgeError:
                if each is producer[0]:
                    raise
                continue
            if offered is not None:
                opus = offered.codec.payload_type if each.codec.key == "opus" else opus
                numbered.append(offered)
        keys = [each.codec.key for each in producer]
        if opus is not None and "red" not in keys:
            # There may be no number left for it: then there is none.
            with contextlib.suppress(BridgeError):
                offered = self._one(Codec(0, "red", 48000, 2), opus)
                if offered is not None:
                    numbered.append(offered)
            keys.append("red")
        # Two of a producer's payload types may mean the same here; an m-line lists a number once.
        unique = {each.codec.payload_type: each for each in numbered}
        return sorted(unique.values(), key=lambda each: keys.index(each.codec.key))

    def _one(self, codec: Codec, opus: int | None) -> MediaCodec | None:
        parameters = codecs.sent_parameters(codec)
        if codec.key == "red":
            if opus is None:
                return None
            parameters = f"{opus}/{opus}"
        key = (codec.key, codec.clock_rate, codec.channels, parameters)
        if key not in self._numbers:
            self._check_variants(codec.key)
            video = codec.key in codecs.VIDEO
            preferred = list(_PREFERRED.get(codec.key, ()))
            payload_type = self._take(preferred[:1])
            feedback = _VIDEO_FEEDBACK if video else _AUDIO_FEEDBACK
            renumbered = replace(codec, payload_type=payload_type, parameters=parameters, feedback=feedback)
            self._numbers[key] = MediaCodec(renumbered, self._take(preferred[1:]) if video else None)
        return self._numbers[key]

    def _check_variants(self, codec: str) -> None:
        if sum(1 for name, *_ in self._numbers if name == codec) >= _VARIANTS.get(codec, 1):
            raise _too_many_codecs()

    def _take(self, preferred: Sequence[int]) -> int:
        for number in (*preferred, *_DYNAMIC):
            if number not in self._taken and (number in _STATIC or number in _DYNAMIC):
                self._taken.add(number)
                return number
        raise _too_many_codecs()


def _too_many_codecs() -> BridgeError:
    return BridgeError(
        "too_many_codecs",
        "this connection has no payload types left",
        hint="reconnect the subscribe connection",
    )
