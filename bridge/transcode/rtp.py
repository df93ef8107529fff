"""RTP and RTCP as a leg reads and writes them (RFC 3550, RFC 4585, RFC 5104), between the core and a child process."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

VERSION = 2
HEADER_BYTES = 12
MAX_DATAGRAM = 2048
"""Bytes of the largest datagram that is read; more is no RTP of ours."""

SENDER_REPORT = 200
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206
_GENERIC_NACK = 1
_PLI = 1
_FIR = 4

_EXTENSION_ONE_BYTE = 0xBEDE


class MalformedPacketError(ValueError):
    """A datagram, or a payload in it, that is not what it claims to be."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet, header extensions left out but for the one that is looked for."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    extensions: bytes = b""
    """The body of the header extension, if it has the one-byte form of RFC 8285."""

    def extension(self, number: int) -> bytes | None:
        """The content of the header extension with this id, None where there is none."""
        at = 0
        while at < len(self.extensions):
            head = self.extensions[at]
            if head == 0:
                at += 1
                continue
            if head >> 4 == 15:
                return None
            length = (head & 15) + 1
            if head >> 4 == number:
                return self.extensions[at + 1 : at + 1 + length]
            at += 1 + length
        return None


def is_rtcp(datagram: bytes) -> bool:
    """Whether it is RTCP, multiplexed with RTP on one socket (RFC 5761, section 4)."""
    return len(datagram) > 1 and 192 <= datagram[1] <= 223


def parse(datagram: bytes) -> RtpPacket:
    """Reads an RTP packet. Raises `MalformedPacketError`."""
    if len(datagram) < HEADER_BYTES or datagram[0] >> 6 != VERSION:
        raise MalformedPacketError("no RTP header")
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", datagram)
    at = HEADER_BYTES + 4 * (first & 15)
    extensions = b""
    if first & 0x10:
        if len(datagram) < at + 4:
            raise MalformedPacketError("the header extension is cut off")
        profile, words = struct.unpack_from("!HH", datagram, at)
        at += 4
        if profile == _EXTENSION_ONE_BYTE:
            extensions = datagram[at : at + 4 * words]
        at += 4 * words
    end = len(datagram)
    if first & 0x20:
        end -= datagram[-1]
    if at > end:
        raise MalformedPacketError("the header is longer than the packet")
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, bool(second & 0x80), datagram[at:end], extensions)


def write(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    *,
    marker: bool,
    extension: tuple[int, bytes] | None = None,
) -> bytes:
    """An RTP packet, with one header extension at most: its id (1–14) and content (1–16 bytes)."""
    first = VERSION << 6
    extended = b""
    if extension is not None:
        number, content = extension
        body = bytes([(number << 4) | (len(content) - 1)]) + content
        body += bytes(-len(body) % 4)
        extended = struct.pack("!HH", _EXTENSION_ONE_BYTE, len(body) // 4) + body
        first |= 0x10
    second = payload_type | (0x80 if marker else 0)
    return struct.pack("!BBHII", first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + extended + payload


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Where a stream's timestamps lie on a wall clock."""

    ssrc: int
    ntp: int
    """NTP time in 2^-32 s."""
    timestamp: int


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI or FIR: somebody's decoder needs a keyframe of this stream."""

    ssrc: int


def parse_rtcp(datagram: bytes) -> Iterator[SenderReport | KeyframeRequest]:
    """What of a compound packet a leg has use for. What is broken, and what is not of use, is left out."""
    at = 0
    while at + 8 <= len(datagram):
        first, kind, words = struct.unpack_from("!BBH", datagram, at)
        end = at + 4 + 4 * words
        if first >> 6 != VERSION or end > len(datagram):
            return
        if kind == SENDER_REPORT and end - at >= 28:
            ssrc, ntp, timestamp = struct.unpack_from("!IQI", datagram, at + 4)
            yield SenderReport(ssrc, ntp, timestamp)
        elif kind == PAYLOAD_FEEDBACK and end - at >= 12:
            if first & 31 == _PLI:
                yield KeyframeRequest(struct.unpack_from("!I", datagram, at + 8)[0])
            elif first & 31 == _FIR:
                for entry in range(at + 12, end - 7, 8):
                    yield KeyframeRequest(struct.unpack_from("!I", datagram, entry)[0])
        at = end


def write_sender_report(report: SenderReport, packets: int, octets: int) -> bytes:
    """A sender report without report blocks."""
    return struct.pack(
        "!BBHIQIII",
        VERSION << 6,
        SENDER_REPORT,
        6,
        report.ssrc,
        report.ntp,
        report.timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )


def write_keyframe_request(sender: int, media: int) -> bytes:
    """A PLI (RFC 4585, section 6.3.1) for the stream `media`."""
    return struct.pack("!BBHII", (VERSION << 6) | _PLI, PAYLOAD_FEEDBACK, 2, sender, media)


def write_nack(sender: int, media: int, sequences: list[int]) -> bytes:
    """A generic NACK (RFC 4585, section 6.2.1) for these sequence numbers, in rising order."""
    items: list[tuple[int, int]] = []
    for sequence in sequences:
        if items and 0 < (sequence - items[-1][0]) & 0xFFFF <= 16:
            first, mask = items[-1]
            items[-1] = (first, mask | 1 << (((sequence - first) & 0xFFFF) - 1))
        else:
            items.append((sequence & 0xFFFF, 0))
    body = b"".join(struct.pack("!HH", *item) for item in items)
    head = struct.pack("!BBHII", (VERSION << 6) | _GENERIC_NACK, TRANSPORT_FEEDBACK, 2 + len(items), sender, media)
    return head + body


class Unwrapper:
    """Numbers that wrap around, counted on without end: sequence numbers (16 bits) and timestamps (32 bits)."""

    def __init__(self, bits: int) -> None:
        self._turn = 1 << bits
        self._last: int | None = None

    def unwrap(self, value: int) -> int:
        """The number nearest to the one before."""
        if self._last is None:
            self._last = value + self._turn
        else:
            half = self._turn >> 1
            self._last += ((value - self._last + half) % self._turn) - half
        return self._last
