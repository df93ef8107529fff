"""Which codecs the bridge forwards, and when two descriptions mean the same one.

The bridge decodes nothing, so it can promise only what some receiver keeps: every codec here is one that two stacks
out there agree on. Order and parameters of a publisher's codecs are chosen so that most rooms need no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bridge.sfu.sdp.description import Codec, MediaDescription, parameter, parameters, retransmissions

H263 = ("h263-1998", "h263")
"""Of very old equipment, packed by RFC 4629 and by RFC 2190."""
VIDEO = ("vp8", "vp9", "h264", "av1", *H263)
EVENTS = "telephone-event"
"""Keys that are pressed (RFC 4733), beside the sound and on its clock."""
AUDIO = ("opus", "red", EVENTS)
NARROWBAND = ("pcmu", "pcma", "g722", EVENTS)
"""Audio that is taken only from peers without Opus (gateways): a browser would have no reason to send it."""

_RECEIVABLE = tuple(dict.fromkeys((*VIDEO, *AUDIO, *NARROWBAND)))

FEEDBACK: dict[str, frozenset[str]] = {
    "audio": frozenset({"nack", "transport-cc", "ack ccfb", "goog-remb"}),
    "video": frozenset({"nack", "nack pli", "ccm fir", "transport-cc", "ack ccfb", "goog-remb"}),
}
"""`a=rtcp-fb` values that are taken where the peer offers them, by kind of media: see `known_feedback`."""

NAMES = {"opus": "opus", "vp8": "VP8", "vp9": "VP9", "h264": "H264", "av1": "AV1", "h263": "H263"}
"""Encoding names as people write them, whatever a peer's capitals."""

REMEMBERED = 64
"""Lists of codecs whose treatment is remembered: all browsers of one version offer the same few."""

_DEFAULT_H264_PROFILE = "42000a"
"""Baseline, level 1: what is meant where profile-level-id is missing (RFC 6184, section 8.1)."""


@dataclass(frozen=True)
class MediaCodec:
    """A codec as agreed on: its payload type with its feedback, and the payload type of its retransmissions."""

    codec: Codec
    rtx_payload_type: int | None = None


def h264_profile(text: str) -> str | None:
    """The name of the profile in an H.264 `a=fmtp` (RFC 6184, table 5), None for profiles WebRTC has no use for."""
    value = parameter(text, "profile-level-id") or _DEFAULT_H264_PROFILE
    try:
        idc, iop = int(value[0:2], 16), int(value[2:4], 16)
    except ValueError:
        return None
    constraint_set_1 = bool(iop & 0x40)
    match idc:
        case 0x42:
            return "constrained-baseline" if constraint_set_1 else "baseline"
        case 0x4D:
            # Main with constraint_set0 is Constrained Baseline as well.
            return "constrained-baseline" if iop & 0x80 else "main"
        case 0x58:
            return "constrained-baseline" if iop & 0xC0 == 0xC0 else None
        case 0x64:
            return "constrained-high" if iop & 0x0C == 0x0C else "high"
        case _:
            return None


_H264_DECODERS: dict[str, tuple[str, ...]] = {
    # Encoders in WebRTC stacks that say Baseline use none of what Constrained Baseline lacks (FMO, ASO, redundant
    # slices), so each may serve for the other.
    "constrained-baseline": ("constrained-baseline", "baseline", "main", "constrained-high", "high"),
    "baseline": ("baseline", "constrained-baseline"),
    "main": ("main", "high"),
    "constrained-high": ("constrained-high", "high"),
    "high": ("high",),
}
"""Profiles whose decoders can take a profile's streams, best first."""


_H263_SIZES = ("qcif", "cif", "4cif")
_H263_NAMES = {"cif": "cif", "cif4": "4cif", "cif16": "4cif"}
_H263_INTERVAL = 2
"""Of 1/29.97 s between pictures: who needs more for a size does not take what a leg sends in it."""


def h263_size(text: str) -> str:
    """The largest size of pictures in an H.263 `a=fmtp` (RFC 4629, section 8.1): "qcif", "cif" or "4cif"."""
    sizes = {
        _H263_NAMES[name]
        for name, value in parameters(text)
        if name in _H263_NAMES and value is not None and value.isdecimal() and int(value) <= _H263_INTERVAL
    }
    return max(sizes, key=_H263_SIZES.index, default="qcif")


def decodes(sent: Codec, receiver: Codec) -> int | None:
    """How well a receiver's payload type serves for what is sent: 0 is best, None is not at all."""
    if (sent.key, sent.clock_rate) != (receiver.key, receiver.clock_rate):
        return None
    match sent.key:
        case "h264":
            return _h264_decodes(sent.parameters, receiver.parameters)
        case "vp9":
            # RFC 9628, section 6: profile 0 is meant where nothing is said.
            return _same(sent, receiver, "profile-id", "0")
        case "av1":
            return _same(sent, receiver, "profile", "0")
        case "h263" | "h263-1998":
            more = _H263_SIZES.index(h263_size(receiver.parameters)) - _H263_SIZES.index(h263_size(sent.parameters))
            return more if more >= 0 else None
        case "opus" | "red":
            return 0
        case _:
            return 0 if sent.channels == receiver.channels else None


def _same(sent: Codec, receiver: Codec, name: str, default: str) -> int | None:
    equal = (parameter(sent.parameters, name) or default) == (parameter(receiver.parameters, name) or default)
    return 0 if equal else None


def _h264_decodes(sent: str, receiver: str) -> int | None:
    sent_mode, receiver_mode = _packetization_mode(sent), _packetization_mode(receiver)
    sent_profile, receiver_profile = h264_profile(sent), h264_profile(receiver)
    if sent_profile is None or receiver_profile not in _H264_DECODERS[sent_profile]:
        return None
    # Whoever takes fragments (mode 1) takes single NAL units (mode 0) as well, not the other way round. Levels are not
    # compared: WebRTC endpoints name a modest one and decode what comes (level-asymmetry-allowed).
    if sent_mode not in ("0", "1") or receiver_mode not in ("0", "1") or sent_mode > receiver_mode:
        return None
    return 2 * _H264_DECODERS[sent_profile].index(receiver_profile) + (sent_mode != receiver_mode)


def _packetization_mode(text: str) -> str:
    return parameter(text, "packetization-mode") or "0"


def forwardable(media: MediaDescription) -> list[MediaCodec]:
    """The codecs of a sender's m-line that the bridge takes, in its order, with feedback the core knows."""
    if media.kind != "audio":
        return list(_named(media.kind, tuple(media.codecs), VIDEO))
    opus = any(codec.key == "opus" for codec in media.codecs)
    taken = _named(media.kind, tuple(media.codecs), AUDIO if opus else NARROWBAND)
    # Events share the timestamps of the sound that they stand beside (RFC 4733, section 2.2), and are nothing by
    # themselves.
    clocks = {each.codec.clock_rate for each in taken if each.codec.key != EVENTS}
    return [each for each in taken if each.codec.key != EVENTS or each.codec.clock_rate in clocks]


def receivable(media: MediaDescription) -> list[MediaCodec]:
    """The codecs of a receiver's m-line that the bridge could send, in its order, with feedback the core knows."""
    return list(_named(media.kind, tuple(media.codecs), _RECEIVABLE))


@lru_cache(REMEMBERED)
def _named(kind: str, offered: tuple[Codec, ...], names: Sequence[str]) -> tuple[MediaCodec, ...]:
    rtx = retransmissions(offered)
    return tuple(
        MediaCodec(replace(codec, feedback=known_feedback(codec, kind, offered)), rtx.get(codec.payload_type))
        for codec in offered
        if codec.key in names and _usable(codec, offered)
    )


def _usable(codec: Codec, offered: Sequence[Codec]) -> bool:
    match codec.key:
        case "opus":
            return (codec.clock_rate, codec.channels) == (48000, 2)
        case "red":
            # Redundancy of anything but Opus (video has red, too; old stacks have it for G.711) is left out.
            primary = codec.parameters.partition("/")[0].strip()
            return codec.clock_rate == 48000 and any(
                other.key == "opus" and str(other.payload_type) == primary for other in offered
            )
        case "h264":
            return h264_profile(codec.parameters) is not None and _packetization_mode(codec.parameters) in ("0", "1")
        case "vp8" | "vp9" | "av1" | "h263" | "h263-1998":
            return codec.clock_rate == 90000
        case "telephone-event":
            return codec.clock_rate in (8000, 48000)
        case _:
            return True


def known_feedback(codec: Codec, kind: str, offered: Iterable[Codec]) -> tuple[str, ...]:
    """What the core knows of a codec's feedback.

    Of two kinds that tell of single packets one is enough: RFC 8888 ("ack ccfb", mostly for all codecs) is taken where
    none of the codecs offered has transport-wide feedback.
    """
    known = FEEDBACK[kind]
    if any("transport-cc" in other.feedback for other in offered):
        known = known - {"ack ccfb"}
    return tuple(value for value in codec.feedback if value in known)


def names(codecs: Iterable[MediaCodec]) -> tuple[str, ...]:
    """The names of codecs for people, each once."""
    return tuple(dict.fromkeys(NAMES.get(each.codec.key, each.codec.name) for each in codecs))


def in_preference(codecs: Sequence[MediaCodec], prefer: Sequence[str] = ()) -> list[MediaCodec]:
    """A publisher's codecs in the order of the answer; the first is what it will send.

    The offer's order holds (RFC 8829, section 5.3.1), with two exceptions. Names in `prefer` come first: that is how a
    client says explicitly what it wants. And H.264 is not sent by default where VP8 is offered too: Safari lists it
    first, and Firefox without its plug-in cannot decode it, whereas every WebRTC endpoint decodes VP8 (RFC 7742).
    """
    wishes = [name.lower() for name in prefer]
    if not wishes and codecs and codecs[0].codec.key == "h264":
        wishes = ["vp8"]
    return sorted(codecs, key=lambda each: wishes.index(each.codec.key) if each.codec.key in wishes else len(wishes))


def as_encoded(codecs: Sequence[MediaCodec]) -> tuple[MediaCodec, ...]:
    """A publisher's codecs with redundant audio (RFC 2198) behind what it repeats, wherever it stood.

    Where it stands says whether the publisher repeats its sound, which may change in mid-call, and not what that is.
    """
    repeating = [each for each in codecs if each.codec.key == "red"]
    others = [each for each in codecs if each.codec.key != "red"]
    behind = next((index + 1 for index, each in enumerate(others) if each.codec.key == "opus"), len(others))
    return (*others[:behind], *repeating, *others[behind:])


def one_each(codecs: Sequence[MediaCodec]) -> list[MediaCodec]:
    """One payload type per codec, in the order of their first: of several, the one that most receivers decode.

    Browsers list up to eight kinds of H.264. Every kind that a publisher might switch to would have to be offered to
    every receiver, who would have to know them all.
    """
    best: dict[str, MediaCodec] = {}
    for each in codecs:
        current = best.setdefault(each.codec.key, each)
        if _narrowness(each.codec) < _narrowness(current.codec):
            best[each.codec.key] = each
    return list(best.values())


def _narrowness(codec: Codec) -> tuple[int, ...]:
    match codec.key:
        case "h264":
            decoders = _H264_DECODERS[h264_profile(codec.parameters) or "high"]
            # Everyone decodes mode 1 (RFC 7742, section 6.2); mode 0 makes big pictures out of many small slices.
            return (-len(decoders), -int(_packetization_mode(codec.parameters)))
        case "vp9":
            return (_profile_number(codec, "profile-id"),)
        case "av1":
            return (_profile_number(codec, "profile"),)
        case _:
            return (0,)


def _profile_number(codec: Codec, name: str) -> int:
    value = parameter(codec.parameters, name) or "0"
    return int(value) if value in ("0", "1", "2", "3") else 4


def prefers_dtx(lines: Iterable[MediaDescription]) -> bool:
    """Whether who receives on one of these m-lines prefers that Opus leaves silence out (RFC 7587, section 6.1)."""
    return any(
        codec.key == "opus" and parameter(codec.parameters, "usedtx") == "1"
        for line in lines
        if not line.rejected and line.receives
        for codec in line.codecs
    )


def answer_parameters(codec: Codec) -> str:
    """The `a=fmtp` of a publisher's codec in the answer: what the bridge, for all receivers, wants to be sent."""
    match codec.key:
        case "opus":
            wanted = ["minptime=10", "useinbandfec=1"]
            # Stereo costs twice the bits: it is asked for only where the sender says that it has it.
            if parameter(codec.parameters, "sprop-stereo") == "1":
                wanted.append("stereo=1")
            if parameter(codec.parameters, "usedtx") == "1":
                wanted.append("usedtx=1")
            return ";".join(wanted)
        case "vp8" | "vp9":
            # max-fs and max-fr are limits of the offerer's decoder.
            profile = parameter(codec.parameters, "profile-id")
            return "" if profile is None else f"profile-id={profile}"
        case "h264":
            asymmetric = parameter(codec.parameters, "level-asymmetry-allowed") == "1"
            asymmetry = "level-asymmetry-allowed=1;" if asymmetric else ""
            profile = parameter(codec.parameters, "profile-level-id") or _DEFAULT_H264_PROFILE
            return f"{asymmetry}packetization-mode={_packetization_mode(codec.parameters)};profile-level-id={profile}"
        case _:
            return codec.parameters


def sent_parameters(codec: Codec) -> str:
    """The `a=fmtp` of a producer's codec as the bridge offers it to receivers."""
    if codec.key == "opus":
        # Of the sender's own wishes as a receiver, none are the bridge's; FEC may be in what comes.
        kept = [name for name, value in parameters(codec.parameters) if name == "sprop-stereo" and value == "1"]
        return ";".join(["minptime=10", "useinbandfec=1", *(f"{name}=1" for name in kept), *(["stereo=1"] * len(kept))])
    if codec.key == EVENTS:
        # Keys 0 to 15, which is what is meant where nothing is said (RFC 4733, section 2.4.1).
        return ""
    return answer_parameters(codec)
