"""The one transport that all m-lines of a description share: the peer's side of it, and the bridge's own.

The bridge speaks BUNDLE (RFC 9143) with RTCP multiplexed (RFC 5761) over one DTLS association (RFC 8842), as an
ICE-lite agent (RFC 8445). An m-line that would need a transport of its own is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bridge.sfu.certificate import Fingerprint
from bridge.sfu.sdp.description import MediaDescription, SessionDescription, Setup
from bridge.sfu.sdp.error import SdpError

PROTOCOLS = frozenset(
    f"{lower}/RTP/{profile}" for lower in ("UDP/TLS", "TCP/TLS", "TCP/DTLS") for profile in ("SAVPF", "SAVP")
) | {"RTP/SAVPF"}
"""What RFC 8829, section 5.1.2 lets an m-line say; old stacks leave the transport out."""

DtlsRole = Literal["server", "client"]


@dataclass(frozen=True)
class PeerTransport:
    """The peer's side of the transport."""

    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[Fingerprint, ...]
    role: DtlsRole
    """Ours, as the peer's `a=setup` leaves it to us."""


@dataclass(frozen=True)
class LocalTransport:
    """The bridge's side of the transport."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint: Fingerprint
    candidates: tuple[str, ...]
    """Values of `a=candidate`."""

    def describe(self, media: MediaDescription, setup: Setup) -> None:
        """Writes it into an m-line, candidates and all.

        The first m-line of the bundle would do (RFC 8829, section 5.2.1), but aiortc reads those of the last one, and
        all others take the repetition.
        """
        self.describe_rejected(media, setup)
        media.candidates = list(self.candidates)

    def describe_rejected(self, media: MediaDescription, setup: Setup) -> None:
        """Writes it into an m-line that is not in use.

        The standard does not ask for it there (RFC 8829, section 5.3.1), but aiortc and GStreamer's webrtcbin refuse
        the whole description if it is missing, and all others ignore it.
        """
        media.ice_ufrag, media.ice_pwd = self.ice_ufrag, self.ice_pwd
        media.fingerprints = [self.fingerprint]
        media.setup = setup
        media.rtcp_mux = True


@dataclass(frozen=True)
class Refusal:
    """Why an m-line cannot be taken."""

    code: str
    reason: str


def refusal(offer: SessionDescription, media: MediaDescription) -> Refusal | None:
    """Why an offered m-line cannot share the transport, None if it can."""
    if media.kind not in ("audio", "video"):
        name = "data channels are" if media.kind == "application" else "this kind of media is"
        return Refusal("unsupported_media", f"{name} not supported")
    if media.protocol not in PROTOCOLS:
        return Refusal("unsupported_media", "only RTP over DTLS-SRTP (UDP/TLS/RTP/SAVPF) is supported")
    if not media.rtcp_mux:
        return Refusal("rtcp_mux_required", "RTCP must be multiplexed with RTP (a=rtcp-mux)")
    if offer.bundle is not None:
        if media.mid is None or media.mid not in offer.bundle:
            return Refusal("not_bundled", "the m-line is not in the BUNDLE group; all media share one transport")
        return None
    first = next(other for other in offer.media if not other.rejected and other.kind in ("audio", "video"))
    if media is not first:
        return Refusal("not_bundled", "the offer has no BUNDLE group; all media share one transport")
    return None


def peer_transport(
    description: SessionDescription, sections: list[MediaDescription], current_role: DtlsRole | None
) -> PeerTransport:
    """The peer's transport as the m-lines in use describe it.

    The first m-line that says a thing counts; in a bundle they all say the same. Raises `SdpError` naming the first
    m-line if something is missing, or if `a=setup` contradicts the role that the association already has.
    """
    line = sections[0].line
    if description.ice_lite:
        raise SdpError("the bridge is ICE-lite, so its peer must not be", line=line, hint="run the client as full ICE")
    credentials = next(((m.ice_ufrag, m.ice_pwd) for m in sections if m.ice_ufrag and m.ice_pwd), None)
    if credentials is None:
        raise SdpError("a=ice-ufrag or a=ice-pwd is missing for this m-line", line=line)
    fingerprints = next((m.fingerprints for m in sections if m.fingerprints), None)
    if fingerprints is None:
        raise SdpError("a=fingerprint is missing for this m-line", line=line, hint="DTLS-SRTP is required")
    setup = next((m.setup for m in sections if m.setup), None)
    if setup is None or setup == "holdconn":
        raise SdpError("a=setup is missing for this m-line, or is holdconn", line=line)
    roles: dict[str, DtlsRole] = {"actpass": current_role or "server", "active": "server", "passive": "client"}
    role = roles[setup]
    if current_role is not None and role != current_role:
        raise SdpError("a=setup may not change while the DTLS association lives", line=line)
    return PeerTransport(credentials[0] or "", credentials[1] or "", tuple(fingerprints), role)


def rejection(offered: MediaDescription) -> MediaDescription:
    """The answer to an m-line that is not taken: port 0, the formats repeated (RFC 3264, section 6)."""
    return MediaDescription(
        kind=offered.kind, port=0, protocol=offered.protocol, formats=offered.formats, mid=offered.mid
    )
