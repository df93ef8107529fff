"""The answer to a client that offers to receive (WHEP): which producer comes on which m-line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.sfu.sdp import extensions
from bridge.sfu.sdp.codecs import MediaCodec, prefers_dtx, receivable
from bridge.sfu.sdp.description import Codec, Direction, MediaDescription, Msid, SessionDescription, Setup, SsrcGroup
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.sdp.payload_types import Mapping, redundancy, suits, translate
from bridge.sfu.sdp.publish_answer import answer_codecs, mirror
from bridge.sfu.sdp.transport import (
    DtlsRole,
    LocalTransport,
    PeerTransport,
    Refusal,
    peer_transport,
    refusal,
    rejection,
)


@dataclass(frozen=True)
class Source:
    """A producer that is to be placed."""

    producer_id: int
    kind: str
    codecs: tuple[MediaCodec, ...]
    msid: Msid
    cname: str


@dataclass(frozen=True)
class Placement:
    """A producer on an m-line of the receiver, as the receiver numbers it."""

    source: Source
    mid: str | None
    mappings: tuple[Mapping, ...]
    feedback: tuple[str, ...]
    redundancy: int | None
    """The receiver's payload type of redundant audio, which the bridge makes itself."""
    ssrc: int
    rtx_ssrc: int | None


@dataclass(frozen=True)
class WatchPlan:
    """Which m-lines can be used, found out before anything is placed."""

    offer: SessionDescription
    peer: PeerTransport | None
    usable: tuple[int, ...]

    @property
    def prefers_dtx(self) -> bool:
        """Whether the client prefers that silence is not sent."""
        return prefers_dtx(self.offer.media[index] for index in self.usable)

    def suits(self, kind: str, sent: Sequence[MediaCodec]) -> int | None:
        """How well some m-line of this kind takes what a producer sends: 0 is best, None is not at all."""
        lines = (self.offer.media[index] for index in self.usable)
        fits = [suits(sent, line) for line in lines if line.kind == kind and line.receives]
        return min((fit for fit in fits if fit is not None), default=None)


@dataclass(frozen=True)
class WatchAnswer:
    """The answer and what it means."""

    description: SessionDescription
    placements: tuple[Placement, ...]
    unplaced: tuple[tuple[Source, Refusal], ...]
    send_extensions: dict[str, int]
    """Id on the wire by URI."""


def plan(offer: SessionDescription, *, current_role: DtlsRole | None = None) -> WatchPlan:
    """Sorts the m-lines. Raises `SdpError` if a first offer has none that could carry media to the client."""
    usable: list[int] = []
    why: tuple[int, str] | None = None
    for index, media in enumerate(offer.media):
        if media.rejected:
            continue
        refused = refusal(offer, media)
        if refused is None:
            usable.append(index)
        elif why is None:
            why = (media.line, refused.reason)
    receiving = [offer.media[index] for index in usable if offer.media[index].receives]
    if current_role is None and not receiving:
        line, reason = why or (None, "no m-line offers to receive (a=recvonly)")
        raise SdpError(reason, line=line)
    if current_role is None and not any(receivable(media) for media in receiving):
        raise SdpError("none of the codecs offered can be sent", line=receiving[0].line)
    sections = [offer.media[index] for index in usable]
    return WatchPlan(offer, peer_transport(offer, sections, current_role) if sections else None, tuple(usable))


def answer(
    plan: WatchPlan,
    local: LocalTransport,
    sources: Sequence[Source],
    placed: dict[str, Placement],
    new_ssrc: Callable[[], int],
    *,
    session_id: str,
    version: int,
) -> WatchAnswer:
    """Answers a planned offer.

    `placed` holds what earlier offers placed, by MID: those stay where they are if they are still wanted and their
    m-line still receives. The other sources are put, in their order, on the m-lines of their kind that are left, the
    first one that takes one of their codecs. M-lines left over are answered inactive.
    """
    placements = _place(plan, sources, placed, new_ssrc)
    media: list[MediaDescription] = []
    for index, offered in enumerate(plan.offer.media):
        if index not in plan.usable:
            media.append(rejection(offered))
            continue
        answered = _answered(offered, placements.get(index))
        if answered is None:
            media.append(rejection(offered))
            continue
        media.append(answered)
    in_use = [section for section in media if not section.rejected]
    setup: Setup = "active" if plan.peer is not None and plan.peer.role == "client" else "passive"
    for section in media:
        (local.describe_rejected if section.rejected else local.describe)(section, setup)
    description = SessionDescription(
        session_id=session_id,
        version=str(version),
        media=media,
        bundle=None if plan.offer.bundle is None else [section.mid for section in in_use if section.mid is not None],
        ice_lite=True,
        extmap_allow_mixed=plan.offer.extmap_allow_mixed,
    )
    settled = {placement.source.producer_id for placement in placements.values()}
    return WatchAnswer(
        description,
        tuple(placements.values()),
        tuple((source, _why_not(plan, source)) for source in sources if source.producer_id not in settled),
        extensions.united(in_use),
    )


def _place(
    plan: WatchPlan, sources: Sequence[Source], placed: dict[str, Placement], new_ssrc: Callable[[], int]
) -> dict[int, Placement]:
    """Placement by index of m-line, in the order of the m-lines."""
    placements: dict[int, Placement] = {}
    waiting = {source.producer_id: source for source in sources}
    free = [index for index in plan.usable if plan.offer.media[index].receives]
    for index in list(free):
        mid = plan.offer.media[index].mid
        kept = placed.get(mid) if mid is not None else None
        if kept is not None and kept.source.producer_id in waiting:
            del waiting[kept.source.producer_id]
            placements[index] = kept
            free.remove(index)
    for source in waiting.values():
        for index in free:
            media = plan.offer.media[index]
            mappings, feedback = translate(source.codecs, media) if media.kind == source.kind else ([], ())
            if mappings:
                rtx = any(mapping.rtx is not None for mapping in mappings)
                placements[index] = Placement(
                    source,
                    media.mid,
                    tuple(mappings),
                    feedback,
                    redundancy(mappings, media),
                    new_ssrc(),
                    new_ssrc() if rtx else None,
                )
                free.remove(index)
                break
    return dict(sorted(placements.items()))


def _why_not(plan: WatchPlan, source: Source) -> Refusal:
    sections = [plan.offer.media[index] for index in plan.usable]
    same_kind = [media for media in sections if media.kind == source.kind and media.receives]
    if same_kind and not any(translate(source.codecs, media)[0] for media in same_kind):
        return Refusal("unsupported_codec", "the client has none of the producer's codecs")
    return Refusal("no_media_line", f"the client offered too few m-lines for {source.kind}")


def _answered(offered: MediaDescription, placement: Placement | None) -> MediaDescription | None:
    """The m-line with what is placed on it; inactive without; None if the bridge knows none of its codecs."""
    taken = extensions.answered(offered)
    listed = _listed(offered, placement, transport_cc=any(ext.uri == extensions.TRANSPORT_CC for ext in taken))
    if not listed:
        return None
    direction: Direction = "inactive" if placement is None else "sendonly"
    answered = mirror(offered, listed, taken, direction)
    if placement is not None:
        answered.msids = [placement.source.msid]
        describe_ssrcs(answered, placement.ssrc, placement.rtx_ssrc, placement.source.cname)
    return answered


def _listed(offered: MediaDescription, placement: Placement | None, *, transport_cc: bool) -> list[Codec]:
    accepted = receivable(offered)
    if placement is not None:
        receiver = dict.fromkeys(mapping.receiver for mapping in placement.mappings)
        if placement.redundancy is not None:
            receiver.setdefault(placement.redundancy)
        by_number = {each.codec.payload_type: each for each in accepted}
        accepted = [by_number[number] for number in receiver if number in by_number]
    return answer_codecs(offered, accepted, transport_cc=transport_cc)


def describe_ssrcs(media: MediaDescription, ssrc: int, rtx_ssrc: int | None, cname: str) -> None:
    """Writes the SSRCs of what the bridge sends on an m-line, paired by FID (RFC 5576, section 4.2)."""
    media.ssrcs = {ssrc: cname} if rtx_ssrc is None else {ssrc: cname, rtx_ssrc: cname}
    if rtx_ssrc is not None:
        media.ssrc_groups = [SsrcGroup("FID", (ssrc, rtx_ssrc))]
