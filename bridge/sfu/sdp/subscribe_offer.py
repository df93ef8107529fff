"""The bridge's own offer: what it wants to send to a client that subscribed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.sfu.sdp import extensions
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec, MediaDescription, Msid, SessionDescription
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.sdp.publish_answer import DISCARD_PORT
from bridge.sfu.sdp.transport import LocalTransport
from bridge.sfu.sdp.watch_answer import describe_ssrcs

_PROTOCOL = "UDP/TLS/RTP/SAVPF"


@dataclass(frozen=True)
class Sending:
    """What an m-line carries."""

    msid: Msid
    cname: str
    ssrc: int
    rtx_ssrc: int | None


@dataclass(frozen=True)
class OfferedMedia:
    """An m-line of the offer. M-lines are never taken away, only reused: without `sending` one is inactive."""

    mid: str
    kind: str
    codecs: tuple[MediaCodec, ...]
    """As the bridge numbers them, the producer's preferred one first."""
    sending: Sending | None
    rejected: bool = False
    """Whether the client rejected it: it stays at port 0 until it is reused under a new MID (RFC 8829, 5.2.2)."""


def offer(media: Sequence[OfferedMedia], local: LocalTransport, *, session_id: str, version: int) -> SessionDescription:
    """The offer with these m-lines."""
    in_use = [each for each in media if not each.rejected]
    sections = [_section(each) for each in media]
    for section in sections:
        (local.describe_rejected if section.rejected else local.describe)(section, "actpass")
    return SessionDescription(
        session_id=session_id,
        version=str(version),
        media=sections,
        bundle=[each.mid for each in in_use],
        ice_lite=True,
        extmap_allow_mixed=True,
    )


def _section(media: OfferedMedia) -> MediaDescription:
    listed: list[Codec] = []
    for each in media.codecs:
        listed.append(each.codec)
        if each.rtx_payload_type is not None:
            apt = f"apt={each.codec.payload_type}"
            listed.append(Codec(each.rtx_payload_type, "rtx", each.codec.clock_rate, parameters=apt))
    if media.rejected:
        # werift looks for a codec that it knows on unused m-lines, too, and refuses the whole offer without one.
        listed = [replace(each.codec, feedback=()) for each in media.codecs]
    section = MediaDescription(
        kind=media.kind,
        port=0 if media.rejected else DISCARD_PORT,
        protocol=_PROTOCOL,
        formats=[str(codec.payload_type) for codec in listed],
        mid=media.mid,
        direction="inactive" if media.sending is None else "sendonly",
        rtcp_rsize=True,
        codecs=listed,
        extensions=list(extensions.OFFERED[media.kind]),
    )
    if media.sending is not None and not media.rejected:
        section.msids = [media.sending.msid]
        describe_ssrcs(section, media.sending.ssrc, media.sending.rtx_ssrc, media.sending.cname)
    return section


def check_answer(answer: SessionDescription, media: Sequence[OfferedMedia]) -> None:
    """Checks that an answer has the m-lines of the offer. Raises `SdpError` naming the first that has not."""
    if len(answer.media) != len(media):
        raise SdpError(f"the answer has {len(answer.media)} m-lines, the offer {len(media)}")
    for answered, offered in zip(answer.media, media, strict=True):
        if answered.kind != offered.kind:
            raise SdpError("the answer's m-line is of another kind than the offer's", line=answered.line)
        if answered.rejected:
            continue
        if answered.mid != offered.mid:
            raise SdpError("the answer's m-line has another MID than the offer's", line=answered.line)
        if not answered.rtcp_mux:
            raise SdpError("the answer must multiplex RTCP (a=rtcp-mux)", line=answered.line)
