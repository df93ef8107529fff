"""The answer to a client that sends: which of its m-lines become producers, and with which codecs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bridge.sfu.sdp import codecs, extensions, simulcast
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import (
    Codec,
    Direction,
    ExtMap,
    MediaDescription,
    Msid,
    SessionDescription,
    Setup,
)
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.sdp.simulcast import Encoding
from bridge.sfu.sdp.transport import (
    DtlsRole,
    LocalTransport,
    PeerTransport,
    Refusal,
    peer_transport,
    refusal,
    rejection,
)

DISCARD_PORT = 9
"""The port of m-lines whose address is told by candidates (RFC 8840, section 4.1.1)."""


@dataclass(frozen=True)
class PublishedMedia:
    """An m-line that the client sends on and the bridge takes."""

    mid: str | None
    kind: str
    codecs: tuple[MediaCodec, ...]
    """In order of preference."""
    encodings: tuple[Encoding, ...]
    """In the offer's order."""
    msid: Msid | None
    numbered: bool
    """Whether its packets carry transport-wide sequence numbers: libwebrtc counts them among what a line carries."""


@dataclass(frozen=True)
class RefusedMedia:
    """An m-line that the client wants to send on and the bridge does not take."""

    mid: str | None
    line: int
    refusal: Refusal


@dataclass(frozen=True)
class PublishAnswer:
    """The answer and what it means."""

    description: SessionDescription
    media: tuple[PublishedMedia, ...]
    refused: tuple[RefusedMedia, ...]
    receive_extensions: dict[str, int]
    """Id on the wire by URI."""


@dataclass(frozen=True)
class Plan:
    """What is to become of an offer's m-lines, found out before anything is answered."""

    offer: SessionDescription
    peer: PeerTransport | None
    """None where a re-offer has ended every m-line."""
    accepted: dict[int, list[MediaCodec]]
    """Codecs by index of m-line."""
    refused: tuple[RefusedMedia, ...]


def plan(offer: SessionDescription, *, current_role: DtlsRole | None = None, prefer: Sequence[str] = ()) -> Plan:
    """Sorts the m-lines of an offer, or of a re-offer if the association has a role already.

    Raises `SdpError` if a first offer has nothing that could be taken, or if there is no transport to take it over.
    """
    accepted: dict[int, list[MediaCodec]] = {}
    refused: list[RefusedMedia] = []
    for index, media in enumerate(offer.media):
        if media.rejected:
            continue
        why = refusal(offer, media)
        forwardable = codecs.one_each(codecs.in_preference(codecs.forwardable(media), prefer))
        if why is None and not forwardable:
            names = ", ".join(dict.fromkeys(codec.name for codec in media.codecs if codec.key != "rtx")) or "none"
            why = Refusal("unsupported_codec", f"none of the codecs offered ({names}) can be forwarded")
        if why is not None:
            refused.append(RefusedMedia(media.mid, media.line, why))
        else:
            accepted[index] = forwardable
    if not accepted and current_role is None:
        if refused:
            raise SdpError(refused[0].refusal.reason, line=refused[0].line)
        raise SdpError("there is no m-line in use", hint="offer at least one audio or video m-line")
    sections = [offer.media[index] for index in accepted]
    peer = peer_transport(offer, sections, current_role) if sections else None
    return Plan(offer, peer, accepted, tuple(refused))


def answer(plan: Plan, local: LocalTransport, *, session_id: str, version: int) -> PublishAnswer:
    """Answers a planned offer."""
    media: list[MediaDescription] = []
    published: list[PublishedMedia] = []
    setup: Setup = "active" if plan.peer is not None and plan.peer.role == "client" else "passive"
    for index, offered in enumerate(plan.offer.media):
        if index not in plan.accepted:
            rejected = rejection(offered)
            local.describe_rejected(rejected, setup)
            media.append(rejected)
            continue
        answered = _answered(offered, plan.accepted[index])
        local.describe(answered, setup)
        media.append(answered)
        if offered.sends:
            published.append(
                PublishedMedia(
                    offered.mid,
                    offered.kind,
                    tuple(plan.accepted[index]),
                    simulcast.encodings(offered),
                    next(iter(offered.msids), None),
                    any(each.uri == extensions.TRANSPORT_CC for each in answered.extensions),
                )
            )
    in_use = [section for index, section in enumerate(media) if index in plan.accepted]
    description = SessionDescription(
        session_id=session_id,
        version=str(version),
        media=media,
        bundle=None if plan.offer.bundle is None else [section.mid for section in in_use if section.mid is not None],
        ice_lite=True,
        extmap_allow_mixed=plan.offer.extmap_allow_mixed,
    )
    return PublishAnswer(description, tuple(published), plan.refused, extensions.united(in_use))


def _answered(offered: MediaDescription, accepted: list[MediaCodec]) -> MediaDescription:
    direction: Direction = "recvonly" if offered.sends else "inactive"
    taken = extensions.answered(offered)
    listed = answer_codecs(offered, accepted, transport_cc=any(ext.uri == extensions.TRANSPORT_CC for ext in taken))
    answered = mirror(offered, listed, taken, direction)
    simulcast.describe(answered, offered)
    return answered


def mirror(
    offered: MediaDescription, listed: list[Codec], taken: list[ExtMap], direction: Direction
) -> MediaDescription:
    """An accepted m-line: what the offer fixes, the codecs and extensions taken, and our direction."""
    return MediaDescription(
        kind=offered.kind,
        port=DISCARD_PORT,
        protocol=offered.protocol,
        formats=[str(codec.payload_type) for codec in listed],
        mid=offered.mid,
        direction=direction,
        rtcp_rsize=offered.rtcp_rsize,
        codecs=listed,
        extensions=taken,
        extmap_allow_mixed=offered.extmap_allow_mixed,
    )


def answer_codecs(offered: MediaDescription, accepted: Sequence[MediaCodec], *, transport_cc: bool) -> list[Codec]:
    """The codecs of an answered m-line: those accepted, each followed by its retransmissions, numbered as offered."""
    return list(_answer_codecs(tuple(offered.codecs), tuple(accepted), transport_cc))


@lru_cache(codecs.REMEMBERED)
def _answer_codecs(
    offered: tuple[Codec, ...], accepted: tuple[MediaCodec, ...], transport_cc: bool
) -> tuple[Codec, ...]:
    listed: list[Codec] = []
    for each in accepted:
        feedback = tuple(value for value in each.codec.feedback if transport_cc or value != "transport-cc")
        listed.append(replace(each.codec, parameters=codecs.answer_parameters(each.codec), feedback=feedback))
        # Feedback is about what is sent, not about how it is sent again.
        repair = (codec for codec in offered if codec.payload_type == each.rtx_payload_type)
        listed.extend(replace(codec, feedback=()) for codec in repair)
    return tuple(listed)
