"""Reads SDP (RFC 8866) as WebRTC endpoints write it.

Strict about what is used, and deaf to the rest: an attribute that the bridge has no use for is skipped unread, one that
it needs and cannot read is an error that names the line. Attributes given for the session count for every m-line that
does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from bridge.sfu.certificate import HASHES, Fingerprint
from bridge.sfu.sdp import attributes
from bridge.sfu.sdp.description import Codec, Direction, MediaDescription, SessionDescription
from bridge.sfu.sdp.error import SdpError

MAX_BYTES = 256 * 1024
MAX_MEDIA = 64
"""Chromium writes some 3,600 bytes an m-line: so many m-lines of it fit."""

_REMEMBERED_LISTS = 64
"""Lists of codecs that are remembered once read: all browsers of one version write the same few."""
_REMEMBERED_LINES = 256
"""Lines of a list that is remembered at most; Chromium's longest has 150."""
_REMEMBERED_LINE_LENGTH = 256


_TAKEN_BY_RTCP = range(64, 96)
"""Payload types that make, with the marker bit, a packet type of RTCP (RFC 5761, section 4)."""

_LEVEL_ATTRIBUTES = frozenset(
    {
        "ice-ufrag",
        "ice-pwd",
        "ice-options",
        "fingerprint",
        "setup",
        "sendrecv",
        "sendonly",
        "recvonly",
        "inactive",
        "extmap-allow-mixed",
    }
)
"""What may be said for the session and for each m-line."""

_WHAT_TO_SEND = "Send the SDP itself, from v=0 on, with nothing around it."


class Line(NamedTuple):
    """One line, `type=value`. A tuple, since an offer has some 170 of them."""

    number: int
    type: str
    value: str

    def error(self, message: str, hint: str | None = None) -> SdpError:
        """An error about this line."""
        return SdpError(message, line=self.number, text=f"{self.type}={self.value}", hint=hint)


def _lines(text: str) -> Iterator[Line]:
    # Not splitlines(): that would also cut at form feeds and Unicode separators.
    holds_nul = "\0" in text
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip()
        if line[1:2] != "=" or not "a" <= line[0] <= "z":
            if not line:
                continue
            raise SdpError("not an SDP line (type=value)", line=number, hint=_WHAT_TO_SEND if number == 1 else None)
        if holds_nul and "\0" in line:
            raise SdpError("a line may not hold NUL", line=number)
        yield Line(number, line[0], line[2:])


@dataclass
class _Level:
    """What may be said for the session, and again for each m-line."""

    ice_ufrag: str | None = None
    ice_pwd: str | None = None
    ice_options: str | None = None
    fingerprints: list[Fingerprint] = field(default_factory=list)
    untrusted_fingerprint: Line | None = None
    setup: Line | None = None
    direction: Direction | None = None
    extmap_allow_mixed: bool = False


@dataclass
class _Payloads:
    """The parts of codecs, which come in any order and are put together when the m-line ends."""

    maps: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    parameters: dict[int, str] = field(default_factory=dict)
    feedback: dict[int | None, list[str]] = field(default_factory=dict)
    """By payload type; None is the wildcard."""


@dataclass
class _Section:
    media: MediaDescription
    level: _Level = field(default_factory=_Level)
    payloads: list[Line] = field(default_factory=list)
    """The lines that say what its payload types mean."""


def parse(text: str, *, max_bytes: int = MAX_BYTES, max_media: int = MAX_MEDIA) -> SessionDescription:
    """Reads a description. Raises `SdpError`, and nothing else, whatever the text."""
    # UTF-8 takes up to four bytes a character: the cheap test first.
    if len(text) > max_bytes or len(text.encode("utf-8", "replace")) > max_bytes:
        raise SdpError(f"longer than {max_bytes} bytes")
    lines = _lines(text)
    first = next(lines, None)
    if first is None:
        raise SdpError("the description is empty", hint=_WHAT_TO_SEND)
    if (first.type, first.value) != ("v", "0"):
        raise first.error("must begin with v=0", hint=_WHAT_TO_SEND)
    return _Parser(max_media).run(lines)


class _Parser:
    def __init__(self, max_media: int) -> None:
        self._max_media = max_media
        self._session = SessionDescription(session_id="0", version="0", media=[])
        self._session_level = _Level()
        self._sections: list[_Section] = []
        self._origin: Line | None = None

    def run(self, lines: Iterator[Line]) -> SessionDescription:
        for line in lines:
            if line.type == "m":
                self._start_section(line)
            elif line.type == "a":
                self._attribute(line)
            elif line.type == "o" and not self._sections:
                self._read_origin(line)
        if self._origin is None:
            raise SdpError("there is no o= line")
        for section in self._sections:
            self._finish(section)
        self._check_mids()
        return self._session

    def _read_origin(self, line: Line) -> None:
        fields = line.value.split()
        if self._origin is not None:
            raise line.error("a second o= line")
        if len(fields) != 6 or not fields[1].isascii() or not fields[2].isascii():
            raise line.error("o= needs six fields")
        self._origin = line
        self._session.session_id, self._session.version = fields[1], fields[2]

    def _start_section(self, line: Line) -> None:
        if len(self._sections) >= self._max_media:
            raise line.error(f"more than {self._max_media} m-lines")
        fields = line.value.split()
        if len(fields) < 4:
            raise line.error("m= needs media, port, protocol and formats")
        port = attributes.number(line, fields[1].partition("/")[0], 65535)
        media = MediaDescription(kind=fields[0], port=port, protocol=fields[2], formats=fields[3:], line=line.number)
        self._sections.append(_Section(media))
        self._session.media.append(media)

    def _attribute(self, line: Line) -> None:
        name, _, value = line.value.partition(":")
        section = self._sections[-1] if self._sections else None
        if name in _PAYLOAD_ATTRIBUTES:
            if section is not None:
                section.payloads.append(line)
        elif name in _LEVEL_ATTRIBUTES:
            self._level_attribute(section.level if section else self._session_level, name, value, line)
        elif section is not None:
            reader = _MEDIA_ATTRIBUTES.get(name)
            if reader is not None:
                reader(section, value.strip(), line)
        elif name == "group":
            self._read_group(value, line)
        elif name == "ice-lite":
            self._session.ice_lite = True

    def _level_attribute(self, level: _Level, name: str, value: str, line: Line) -> None:
        match name:
            case "ice-ufrag":
                level.ice_ufrag = attributes.ice_chars(line, value, 4, 256)
            case "ice-pwd":
                level.ice_pwd = attributes.ice_chars(line, value, 22, 256)
            case "ice-options":
                level.ice_options = value.strip()
            case "fingerprint":
                fingerprint = attributes.fingerprint(line, value)
                if fingerprint.algorithm in HASHES:
                    level.fingerprints.append(fingerprint)
                else:
                    level.untrusted_fingerprint = line
            case "setup":
                level.setup = line
            case "sendrecv" | "sendonly" | "recvonly" | "inactive":
                level.direction = attributes.direction(line, name)
            case "extmap-allow-mixed":
                level.extmap_allow_mixed = True

    def _read_group(self, value: str, line: Line) -> None:
        semantics, _, rest = value.strip().partition(" ")
        if semantics.upper() != "BUNDLE":
            return
        mids = rest.split()
        if self._session.bundle is not None:
            raise line.error("a second BUNDLE group", "put all m-lines in one group")
        if len(set(mids)) != len(mids):
            raise line.error("a MID stands twice in the group")
        self._session.bundle, self._session.bundle_line = mids, line.number

    def _finish(self, section: _Section) -> None:
        media, level, session = section.media, section.level, self._session_level
        # Credentials are inherited together or not at all: half of each would match nothing.
        credentials = level if level.ice_ufrag is not None or level.ice_pwd is not None else session
        media.ice_ufrag, media.ice_pwd = credentials.ice_ufrag, credentials.ice_pwd
        media.ice_options = level.ice_options if level.ice_options is not None else session.ice_options
        fingerprints = level if level.fingerprints or level.untrusted_fingerprint else session
        if not fingerprints.fingerprints and fingerprints.untrusted_fingerprint is not None and not media.rejected:
            raise fingerprints.untrusted_fingerprint.error(
                "this fingerprint function is not trusted", f"use one of {', '.join(HASHES)}"
            )
        media.fingerprints = list(fingerprints.fingerprints)
        setup = level.setup or session.setup
        if setup is not None:
            media.setup = attributes.setup(setup, setup.value.partition(":")[2])
        media.direction = level.direction or session.direction or "sendrecv"
        media.extmap_allow_mixed = level.extmap_allow_mixed or session.extmap_allow_mixed
        self._session.extmap_allow_mixed = session.extmap_allow_mixed
        media.codecs = _codecs(section)
        taken = [codec.payload_type for codec in media.codecs if codec.payload_type in _TAKEN_BY_RTCP]
        if taken and media.rtcp_mux:
            raise SdpError(
                f"payload type {taken[0]} looks like RTCP where the two are multiplexed (RFC 5761, section 4)",
                line=media.line,
                hint="use 96 to 127, then 35 to 63",
            )

    def _check_mids(self) -> None:
        seen: set[str] = set()
        for media in self._session.media:
            if media.mid is None:
                continue
            if media.mid in seen:
                raise SdpError("two m-lines have the same MID", line=media.line)
            seen.add(media.mid)
        unknown = next((mid for mid in self._session.bundle or () if mid not in seen), None)
        if unknown is not None:
            raise SdpError("the BUNDLE group names a MID that no m-line has", line=self._session.bundle_line)


def _codecs(section: _Section) -> list[Codec]:
    media, lines = section.media, section.payloads
    if media.kind not in ("audio", "video"):
        return []
    if len(lines) <= _REMEMBERED_LINES and all(len(line.value) <= _REMEMBERED_LINE_LENGTH for line in lines):
        try:
            return list(_remembered_codecs(tuple(media.formats), tuple(line.value for line in lines)))
        except SdpError:
            # Read again below, to name the line.
            pass
    return _read_codecs(media.formats, lines, media.line)


@lru_cache(_REMEMBERED_LISTS)
def _remembered_codecs(formats: tuple[str, ...], values: tuple[str, ...]) -> tuple[Codec, ...]:
    return tuple(_read_codecs(formats, [Line(0, "a", value) for value in values], 0))


def _read_codecs(formats: Sequence[str], lines: Sequence[Line], media_line: int) -> list[Codec]:
    payloads = _Payloads()
    for line in lines:
        name, _, value = line.value.partition(":")
        _PAYLOAD_ATTRIBUTES[name](payloads, value.strip(), line)
    codecs = []
    for text in dict.fromkeys(formats):
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127):
            raise SdpError("payload types are numbers from 0 to 127", line=media_line)
        payload_type = int(text)
        mapping = payloads.maps.get(payload_type) or attributes.STATIC_PAYLOAD_TYPES.get(payload_type)
        if mapping is None:
            continue
        name, clock_rate, channels = mapping
        # Wildcard feedback is meant for media, not for retransmissions of it.
        feedback = payloads.feedback.get(None, []) if name != "rtx" else []
        feedback = feedback + payloads.feedback.get(payload_type, [])
        codecs.append(
            Codec(
                payload_type,
                name,
                clock_rate,
                channels,
                payloads.parameters.get(payload_type, ""),
                tuple(dict.fromkeys(feedback)),
            )
        )
    return codecs


def _read_rtpmap(payloads: _Payloads, value: str, line: Line) -> None:
    payload_type, mapping = attributes.rtpmap(line, value)
    payloads.maps.setdefault(payload_type, mapping)


def _read_fmtp(payloads: _Payloads, value: str, line: Line) -> None:
    payload_type, parameters = attributes.fmtp(line, value)
    payloads.parameters.setdefault(payload_type, parameters)


def _read_feedback(payloads: _Payloads, value: str, line: Line) -> None:
    payload_type, kind = attributes.feedback(line, value)
    payloads.feedback.setdefault(payload_type, []).append(kind)


_PAYLOAD_ATTRIBUTES: dict[str, Callable[[_Payloads, str, Line], None]] = {
    "fmtp": _read_fmtp,
    "rtcp-fb": _read_feedback,
    "rtpmap": _read_rtpmap,
}


def _read_mid(section: _Section, value: str, line: Line) -> None:
    if section.media.mid is not None:
        raise line.error("a second MID for this m-line")
    section.media.mid = attributes.token(line, value, 64)


def _read_extmap(section: _Section, value: str, line: Line) -> None:
    extension = attributes.extmap(line, value)
    if any(other.id == extension.id for other in section.media.extensions):
        raise line.error("this extension id is taken")
    section.media.extensions.append(extension)


def _read_msid(section: _Section, value: str, line: Line) -> None:
    section.media.msids.append(attributes.msid(line, value))


def _read_ssrc(section: _Section, value: str, line: Line) -> None:
    ssrc, cname = attributes.ssrc(line, value)
    if section.media.ssrcs.get(ssrc) is None:
        section.media.ssrcs[ssrc] = cname


def _read_ssrc_group(section: _Section, value: str, line: Line) -> None:
    section.media.ssrc_groups.append(attributes.ssrc_group(line, value))


def _read_rid(section: _Section, value: str, line: Line) -> None:
    section.media.rids.append(attributes.rid(line, value))


def _read_simulcast(section: _Section, value: str, _: Line) -> None:
    section.media.simulcast = value


def _read_sctp_port(section: _Section, value: str, line: Line) -> None:
    section.media.sctp_port = attributes.number(line, value, 65535)


def _read_bundle_only(section: _Section, *_: object) -> None:
    section.media.bundle_only = True


def _read_rtcp_mux(section: _Section, *_: object) -> None:
    section.media.rtcp_mux = True


def _read_rtcp_rsize(section: _Section, *_: object) -> None:
    section.media.rtcp_rsize = True


_MEDIA_ATTRIBUTES: dict[str, Callable[[_Section, str, Line], None]] = {
    "bundle-only": _read_bundle_only,
    "extmap": _read_extmap,
    "mid": _read_mid,
    "msid": _read_msid,
    "rid": _read_rid,
    "rtcp-mux": _read_rtcp_mux,
    # Whoever can do nothing else can do this; RFC 8858 has them say both.
    "rtcp-mux-only": _read_rtcp_mux,
    "rtcp-rsize": _read_rtcp_rsize,
    "sctp-port": _read_sctp_port,
    "simulcast": _read_simulcast,
    "ssrc": _read_ssrc,
    "ssrc-group": _read_ssrc_group,
}
