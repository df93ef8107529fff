"""A session description as values. The parser makes it from text, the rules of negotiation from one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from bridge.sfu.certificate import Fingerprint

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Setup = Literal["actpass", "active", "passive", "holdconn"]

REVERSED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
"""A direction as the other side sees it."""


@dataclass(frozen=True)
class Codec:
    """A payload type: `a=rtpmap` with its `a=fmtp` and `a=rtcp-fb`."""

    payload_type: int
    name: str
    """As the peer wrote it; encoding names are compared without case."""
    clock_rate: int
    channels: int = 1
    parameters: str = ""
    """Of `a=fmtp`, as written."""
    feedback: tuple[str, ...] = ()
    """Values of `a=rtcp-fb`: "nack", "nack pli", "ccm fir" …"""

    @property
    def key(self) -> str:
        """The encoding name for comparisons."""
        return self.name.lower()


@dataclass(frozen=True)
class ExtMap:
    """A header extension (RFC 8285): `a=extmap:ID/direction URI`."""

    id: int
    uri: str
    direction: Direction = "sendrecv"


@dataclass(frozen=True)
class Msid:
    """`a=msid` (RFC 8830). A stream of None is "-": the track is in no stream."""

    stream: str | None
    track: str | None


@dataclass(frozen=True)
class Rid:
    """`a=rid` (RFC 8851)."""

    rid: str
    direction: Literal["send", "recv"]
    restrictions: str = ""


@dataclass(frozen=True)
class SsrcGroup:
    """`a=ssrc-group` (RFC 5576)."""

    semantics: str
    ssrcs: tuple[int, ...]


@dataclass
class MediaDescription:
    """One m-line and what belongs to it."""

    kind: str
    """"audio", "video", "application" …"""
    port: int
    protocol: str
    formats: list[str]
    line: int = 0
    """Where it stands in the text, from 1."""
    mid: str | None = None
    direction: Direction = "sendrecv"
    bundle_only: bool = False
    ice_ufrag: str | None = None
    ice_pwd: str | None = None
    ice_options: str | None = None
    candidates: list[str] = field(default_factory=list)
    """Values of `a=candidate`. Written only: a lite agent needs none of its peer's."""
    fingerprints: list[Fingerprint] = field(default_factory=list)
    setup: Setup | None = None
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    codecs: list[Codec] = field(default_factory=list)
    """In the order of the m-line, RTX among them. Formats without a known mapping are left out."""
    extensions: list[ExtMap] = field(default_factory=list)
    extmap_allow_mixed: bool = False
    msids: list[Msid] = field(default_factory=list)
    ssrcs: dict[int, str | None] = field(default_factory=dict)
    """CNAME by SSRC, in the order of the lines."""
    ssrc_groups: list[SsrcGroup] = field(default_factory=list)
    rids: list[Rid] = field(default_factory=list)
    simulcast: str | None = None
    """Value of `a=simulcast`, as written."""
    sctp_port: int | None = None

    @property
    def rejected(self) -> bool:
        """Whether the m-line is not in use: port 0, and not merely because it is bundle-only (RFC 9143)."""
        return self.port == 0 and not self.bundle_only

    @property
    def sends(self) -> bool:
        """Whether the describing side sends on it."""
        return not self.rejected and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether the describing side receives on it."""
        return not self.rejected and self.direction in ("sendrecv", "recvonly")


@dataclass
class SessionDescription:
    """A whole description."""

    session_id: str
    version: str
    media: list[MediaDescription]
    bundle: list[str] | None = None
    """MIDs of `a=group:BUNDLE`, None without such a line."""
    bundle_line: int | None = None
    ice_lite: bool = False
    extmap_allow_mixed: bool = False

    def by_mid(self, mid: str) -> MediaDescription | None:
        """The m-line of this MID."""
        return next((media for media in self.media if media.mid == mid), None)


def retransmissions(codecs: Iterable[Codec]) -> dict[int, int]:
    """The payload type of retransmissions (RFC 4588) by the payload type that they repeat."""
    listed = tuple(codecs)
    repeats = {parameter(codec.parameters, "apt"): codec.payload_type for codec in listed if codec.key == "rtx"}
    return {
        codec.payload_type: repeats[str(codec.payload_type)] for codec in listed if str(codec.payload_type) in repeats
    }


def parameters(text: str) -> Iterator[tuple[str, str | None]]:
    """Names (in lower case) and values of `a=fmtp` parameters; None for those without "="."""
    for part in text.split(";"):
        name, separator, value = part.strip().partition("=")
        if name:
            yield name.strip().lower(), value.strip() if separator else None


def parameter(text: str, name: str) -> str | None:
    """The value of one `a=fmtp` parameter."""
    return next((value for key, value in parameters(text) if key == name), None)
