"""Reads the values of single attributes. Every function raises `SdpError` through the line it is given."""

from __future__ import annotations

import re
from typing import Protocol

from bridge.sfu.certificate import Fingerprint
from bridge.sfu.sdp.description import Direction, ExtMap, Msid, Rid, Setup, SsrcGroup
from bridge.sfu.sdp.error import SdpError

STATIC_PAYLOAD_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("PCMU", 8000, 1),
    8: ("PCMA", 8000, 1),
    9: ("G722", 8000, 1),
    13: ("CN", 8000, 1),
    34: ("H263", 90000, 1),
}
"""Payload types that need no `a=rtpmap` (RFC 3551), as far as WebRTC endpoints and old equipment use them."""

OPUS_CHANNELS = 2
"""As is always written of Opus, whatever it holds (RFC 7587, section 7); GStreamer's `whepclientsrc` leaves it out."""

_TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~{}]+", re.ASCII)
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/]+", re.ASCII)
_FINGERPRINT = re.compile(r"(\S+)\s+([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)", re.ASCII)
_RTPMAP = re.compile(r"(\d{1,3})\s+([!#-.0-9A-Z^-~]{1,40})/(\d{1,9})(?:/(\d{1,3}))?", re.ASCII)
_EXTMAP = re.compile(r"(\d{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))?\s+(\S{1,256})(?:\s.*)?", re.ASCII)

_DIRECTIONS: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}
_SETUPS: dict[str, Setup] = {
    "actpass": "actpass",
    "active": "active",
    "passive": "passive",
    "holdconn": "holdconn",
}


class Line(Protocol):
    """The line that a value stands in."""

    def error(self, message: str, hint: str | None = None) -> SdpError:
        """An error about it."""


def number(line: Line, text: str, most: int) -> int:
    """A decimal number from 0 to `most`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
        raise line.error(f"expected a number from 0 to {most}")
    return int(text)


def token(line: Line, text: str, longest: int) -> str:
    """A token (RFC 8866, section 9; braces as Firefox writes them are let through)."""
    if len(text) > longest or not _TOKEN.fullmatch(text):
        raise line.error(f"expected a token of at most {longest} characters")
    return text


def ice_chars(line: Line, text: str, shortest: int, longest: int) -> str:
    """An ICE user name fragment or password (RFC 8839, section 5.4)."""
    text = text.strip()
    if not shortest <= len(text) <= longest or not _ICE_CHARS.fullmatch(text):
        raise line.error(f"expected {shortest} to {longest} letters, digits, + or /")
    return text


def fingerprint(line: Line, text: str) -> Fingerprint:
    """`a=fingerprint` (RFC 8122), of any hash function."""
    match = _FINGERPRINT.fullmatch(text.strip())
    if match is None:
        raise line.error("expected a hash function and bytes in hexadecimal, separated by colons")
    return Fingerprint(match[1].lower(), match[2].upper())


def setup(line: Line, text: str) -> Setup:
    """`a=setup` (RFC 4145)."""
    role = _SETUPS.get(text.strip())
    if role is None:
        raise line.error(f"expected one of {', '.join(_SETUPS)}")
    return role


def direction(line: Line, text: str) -> Direction:
    """A direction."""
    found = _DIRECTIONS.get(text)
    if found is None:
        raise line.error(f"expected one of {', '.join(_DIRECTIONS)}")
    return found


def rtpmap(line: Line, text: str) -> tuple[int, tuple[str, int, int]]:
    """`a=rtpmap`: payload type, and name, clock rate and channels."""
    match = _RTPMAP.fullmatch(text)
    if match is None or int(match[1]) > 127 or int(match[3]) == 0 or match[4] == "0":
        raise line.error("expected a payload type, name and clock rate")
    channels = OPUS_CHANNELS if match[2].lower() == "opus" else int(match[4] or 1)
    return int(match[1]), (match[2], int(match[3]), channels)


def fmtp(line: Line, text: str) -> tuple[int, str]:
    """`a=fmtp`: payload type and parameters."""
    payload_type, _, parameters = text.partition(" ")
    return number(line, payload_type, 127), parameters.strip()


def feedback(line: Line, text: str) -> tuple[int | None, str]:
    """`a=rtcp-fb` (RFC 4585): payload type (None for "*") and value."""
    payload_type, _, value = text.partition(" ")
    value = " ".join(value.split())
    if not value:
        raise line.error("expected a payload type (or *) and a kind of feedback")
    return None if payload_type == "*" else number(line, payload_type, 127), value


def extmap(line: Line, text: str) -> ExtMap:
    """`a=extmap` (RFC 8285)."""
    match = _EXTMAP.fullmatch(text)
    if match is None:
        raise line.error("expected an id and a URI")
    identifier = int(match[1])
    # 4096 and up offer an extension without an id yet; nobody does that in WebRTC.
    if not 1 <= identifier <= 255 or identifier == 15:
        raise line.error("extension ids are 1 to 14, or 16 to 255 with two-byte headers")
    return ExtMap(identifier, match[3], _DIRECTIONS[match[2]] if match[2] else "sendrecv")


def msid(line: Line, text: str) -> Msid:
    """`a=msid` (RFC 8830)."""
    fields = text.split()
    if not 1 <= len(fields) <= 2 or any(len(field) > 128 for field in fields):
        raise line.error("expected a stream id and a track id of at most 128 characters")
    return Msid(None if fields[0] == "-" else fields[0], fields[1] if len(fields) == 2 else None)


def ssrc(line: Line, text: str) -> tuple[int, str | None]:
    """`a=ssrc` (RFC 5576): the SSRC, and the CNAME if the line says it."""
    identifier, _, attribute = text.partition(" ")
    value = number(line, identifier, 0xFFFFFFFF)
    name, _, cname = attribute.strip().partition(":")
    return value, cname if name == "cname" and cname else None


def ssrc_group(line: Line, text: str) -> SsrcGroup:
    """`a=ssrc-group` (RFC 5576)."""
    fields = text.split()
    if not fields:
        raise line.error("expected semantics and SSRCs")
    return SsrcGroup(fields[0], tuple(number(line, field, 0xFFFFFFFF) for field in fields[1:]))


def rid(line: Line, text: str) -> Rid:
    """`a=rid` (RFC 8851)."""
    fields = text.split(None, 2)
    if len(fields) < 2:
        raise line.error("expected an id and send or recv")
    identifier = token(line, fields[0], 16)
    restrictions = fields[2] if len(fields) == 3 else ""
    if fields[1] == "send":
        return Rid(identifier, "send", restrictions)
    if fields[1] == "recv":
        return Rid(identifier, "recv", restrictions)
    raise line.error("expected an id and send or recv")
