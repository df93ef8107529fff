"""Writes a session description as text, in the order that RFC 8829 (JSEP) uses."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.sfu.sdp.description import Codec, ExtMap, MediaDescription, Msid, SessionDescription


def write(session: SessionDescription) -> str:
    """The text of a description, with CRLF line ends."""
    return "".join(f"{line}\r\n" for line in _session_lines(session))


def _session_lines(session: SessionDescription) -> Iterator[str]:
    yield "v=0"
    yield f"o=- {session.session_id} {session.version} IN IP4 0.0.0.0"
    yield "s=-"
    yield "t=0 0"
    if session.bundle is not None:
        yield " ".join(("a=group:BUNDLE", *session.bundle))
    if session.ice_lite:
        yield "a=ice-lite"
    if session.extmap_allow_mixed:
        yield "a=extmap-allow-mixed"
    yield "a=msid-semantic:WMS *"
    for media in session.media:
        yield from _media_lines(media)


def _media_lines(media: MediaDescription) -> Iterator[str]:
    yield f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}"
    yield "c=IN IP4 0.0.0.0"
    if media.mid is not None:
        yield f"a=mid:{media.mid}"
    yield from _transport_lines(media)
    if media.kind in ("audio", "video") and media.rtcp_mux:
        yield "a=rtcp-mux"
    if media.rejected:
        yield "a=inactive"
        for codec in media.codecs:
            yield from _codec_lines(codec)
        return
    if media.kind not in ("audio", "video"):
        return
    yield f"a={media.direction}"
    yield from (f"a=msid:{_msid(msid)}" for msid in media.msids)
    if media.rtcp_rsize:
        yield "a=rtcp-rsize"
    if media.extmap_allow_mixed:
        yield "a=extmap-allow-mixed"
    yield from (_extmap(extension) for extension in media.extensions)
    for codec in media.codecs:
        yield from _codec_lines(codec)
    yield from (f"a=rid:{rid.rid} {rid.direction} {rid.restrictions}".rstrip() for rid in media.rids)
    if media.simulcast is not None:
        yield f"a=simulcast:{media.simulcast}"
    for group in media.ssrc_groups:
        yield f"a=ssrc-group:{group.semantics} {' '.join(map(str, group.ssrcs))}"
    for ssrc, cname in media.ssrcs.items():
        yield f"a=ssrc:{ssrc}" + (f" cname:{cname}" if cname is not None else "")


def _transport_lines(media: MediaDescription) -> Iterator[str]:
    if media.bundle_only:
        yield "a=bundle-only"
    if media.ice_ufrag is not None:
        yield f"a=ice-ufrag:{media.ice_ufrag}"
    if media.ice_pwd is not None:
        yield f"a=ice-pwd:{media.ice_pwd}"
    if media.ice_options is not None:
        yield f"a=ice-options:{media.ice_options}"
    for fingerprint in media.fingerprints:
        yield f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}"
    if media.setup is not None:
        yield f"a=setup:{media.setup}"
    if any("ack ccfb" in codec.feedback for codec in media.codecs):
        # RFC 8888, section 6: for all payload types together, or it is not heeded.
        yield "a=rtcp-fb:* ack ccfb"
    if media.candidates:
        yield from (f"a=candidate:{candidate}" for candidate in media.candidates)
        yield "a=end-of-candidates"
    if media.sctp_port is not None:
        yield f"a=sctp-port:{media.sctp_port}"


def _codec_lines(codec: Codec) -> Iterator[str]:
    channels = f"/{codec.channels}" if codec.channels != 1 else ""
    yield f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"
    if codec.parameters:
        yield f"a=fmtp:{codec.payload_type} {codec.parameters}"
    yield from (f"a=rtcp-fb:{codec.payload_type} {value}" for value in codec.feedback if value != "ack ccfb")


def _extmap(extension: ExtMap) -> str:
    direction = "" if extension.direction == "sendrecv" else f"/{extension.direction}"
    return f"a=extmap:{extension.id}{direction} {extension.uri}"


def _msid(msid: Msid) -> str:
    stream = msid.stream or "-"
    return stream if msid.track is None else f"{stream} {msid.track}"
