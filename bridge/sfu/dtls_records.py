"""Datagram borders for DTLS out of a memory BIO (RFC 6347, section 4.1).

OpenSSL's memory BIO is a stream: it glues the datagrams of a flight together. Records say how long they are, so the
flight is cut at the records and packed anew into datagrams that fit the path.
"""

from __future__ import annotations

HEADER_LENGTH = 13
"""Type, version, epoch, sequence number, length."""

FRAGMENT_OFFSET = slice(19, 22)
"""Where the first record says which part of a handshake message it has (RFC 6347, section 4.2.2)."""

MTU = 1200
"""Bytes of UDP payload that pass everywhere (the size browsers use too)."""


def pack(flight: bytes, mtu: int = MTU) -> list[bytes]:
    """Cuts a flight of whole DTLS 1.2 records into datagrams of at most `mtu` bytes.

    A record that is longer than the MTU (OpenSSL makes none when told the MTU) gets a datagram of its own. Raises
    ValueError if the flight does not end with a whole record.
    """
    datagrams: list[bytes] = []
    start = end = 0
    while end < len(flight):
        header_end = end + HEADER_LENGTH
        record_end = header_end + int.from_bytes(flight[header_end - 2 : header_end], "big")
        if record_end > len(flight):
            raise ValueError("the flight ends inside a DTLS record")
        if end > start and record_end - start > mtu:
            datagrams.append(flight[start:end])
            start = end
        end = record_end
    if end > start:
        datagrams.append(flight[start:end])
    return datagrams
