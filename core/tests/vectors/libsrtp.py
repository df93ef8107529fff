"""Write libsrtp.txt: packets protected by libsrtp (through pylibsrtp), the oracle of the tests in core/src/srtp.

Run it where pylibsrtp is installed: python core/tests/vectors/libsrtp.py > core/tests/vectors/libsrtp.txt

Each line: profile, kind, master key and salt, plain packet, protected packet; all but the first two in hexadecimal.
Packets of one profile and kind follow each other in one session, so that roll-over counters and SRTCP indices count.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pylibsrtp import Policy, Session

PROFILES = {
    "SRTP_AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16 + 12),
    "SRTP_AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32 + 12),
    "SRTP_AES128_CM_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16 + 14),
}
SSRC = 0xCAFEBABE


def rtp_packets() -> Iterator[bytes]:
    """Packets around the wrap-around of the sequence number, out of order, with and without header extension."""
    for number, sequence_number in enumerate([0x7FFF, 0xBFFF, 0xFFFE, 0, 0xFFFF, 1]):
        extended = number % 2 == 1
        header = struct.pack("!BBHII", 0x90 if extended else 0x80, 0x60, sequence_number, 160 * number, SSRC)
        extension = bytes.fromhex("bede0001") + bytes([0x31, number, number, 0]) if extended else b""
        yield header + extension + bytes((number + offset) % 256 for offset in range(17 * number))


def rtcp_packets() -> Iterator[bytes]:
    """Receiver reports, and a compound with a PLI."""
    report = struct.pack("!BBHI", 0x80, 201, 1, SSRC)
    yield report
    yield report + struct.pack("!BBHII", 0x81, 206, 2, SSRC, 7)
    yield report


def main() -> None:
    """Print the vectors."""
    for name, (profile, key_length) in PROFILES.items():
        key = bytes((7 * offset + 1) % 256 for offset in range(key_length))
        session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        for packet in rtp_packets():
            print(name, "rtp", key.hex(), packet.hex(), session.protect(packet).hex())
        for packet in rtcp_packets():
            print(name, "rtcp", key.hex(), packet.hex(), session.protect_rtcp(packet).hex())


if __name__ == "__main__":
    main()
