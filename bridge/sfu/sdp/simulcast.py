"""Which encodings of an offered source the bridge takes: by RID (RFC 8851 and 8853) or SSRC (`a=ssrc-group:SIM`)."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.sfu.sdp import extensions
from bridge.sfu.sdp.description import MediaDescription, Rid

MAX_ENCODINGS = 3
"""Encodings of one source that are taken, which is what browsers send at most. Further ones are left out of the answer,
which is how RFC 8853 (section 5.3.2) refuses them."""


@dataclass(frozen=True)
class Encoding:
    """An encoding of a source; SSRCs are None where the offer does not say them."""

    ssrc: int | None = None
    rtx_ssrc: int | None = None
    rid: str | None = None


def encodings(offered: MediaDescription) -> tuple[Encoding, ...]:
    """The encodings that are agreed on, in the offer's order: one at least, `MAX_ENCODINGS` at most.

    Several SSRCs without groups do not say which is which; they are learned from the packets' MIDs then.
    """
    rids = _rids(offered)
    if rids:
        return tuple(Encoding(rid=rid) for rid in rids)
    repairs = {
        group.ssrcs[0]: group.ssrcs[1]
        for group in reversed(offered.ssrc_groups)
        if group.semantics == "FID" and len(group.ssrcs) == 2
    }
    simulcast = next((group.ssrcs for group in offered.ssrc_groups if group.semantics == "SIM"), ())
    # What stands twice, or repeats another, is no encoding of its own.
    distinct = [ssrc for ssrc in dict.fromkeys(simulcast) if ssrc not in repairs.values()]
    if distinct:
        return tuple(Encoding(ssrc, repairs.get(ssrc)) for ssrc in distinct[:MAX_ENCODINGS])
    if repairs:
        first = next(group.ssrcs[0] for group in offered.ssrc_groups if group.ssrcs[:1] and group.ssrcs[0] in repairs)
        return (Encoding(first, repairs[first]),)
    if len(offered.ssrcs) == 1:
        return (Encoding(next(iter(offered.ssrcs))),)
    return (Encoding(),)


def describe(answered: MediaDescription, offered: MediaDescription) -> None:
    """Writes the RIDs that are taken into an answered m-line."""
    rids = _rids(offered)
    if rids:
        answered.rids = [Rid(rid, "recv", "") for rid in rids]
        # None is marked as paused ("~"), whatever the offer marks: Chromium ends for good what an answer marks.
        answered.simulcast = f"recv {';'.join(rids)}"


def _rids(offered: MediaDescription) -> list[str]:
    """The RIDs that are taken.

    Of alternatives for one encoding ("1,2") that is the preferred one. Paused ones ("~") are taken too, since they may
    be resumed without another offer.
    """
    direction, _, streams = (offered.simulcast or "").strip().partition(" ")
    if direction != "send" or not any(each.uri == extensions.RID for each in extensions.answered(offered)):
        return []
    sent = {rid.rid for rid in offered.rids if rid.direction == "send"}
    taken: list[str] = []
    for stream in streams.split(" ")[0].split(";"):
        alternatives = (each.removeprefix("~") for each in stream.split(","))
        rid = next((each for each in alternatives if each in sent and each not in taken), None)
        if rid is not None:
            taken.append(rid)
    return taken[:MAX_ENCODINGS]
