"""A client that answers the bridge's offers, written from the offer alone."""

from __future__ import annotations

from collections.abc import Collection

from bridge.sfu.sdp import parser

FINGERPRINT = ":".join(["AA"] * 32)


def answer(
    offer: str,
    *,
    codecs: Collection[str] = ("opus", "VP8", "rtx"),
    extensions: Collection[str] = ("sdes:mid", "transport-wide-cc"),
    ufrag: str = "peer",
) -> str:
    """Takes what it has the codecs for, and rejects the rest."""
    description = parser.parse(offer)
    lines = ["v=0", "o=- 5 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    accepted: list[str] = []
    body: list[str] = []
    for media in description.media:
        known = [codec for codec in media.codecs if codec.name in codecs]
        if media.rejected or not any(codec.name != "rtx" for codec in known):
            body += [f"m={media.kind} 0 UDP/TLS/RTP/SAVPF 0", f"a=mid:{media.mid}"]
            continue
        accepted.append(media.mid or "")
        body += [
            f"m={media.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(str(codec.payload_type) for codec in known)}",
            f"a=mid:{media.mid}",
            f"a=ice-ufrag:{ufrag}",
            f"a=ice-pwd:{'p' * 24}",
            f"a=fingerprint:sha-256 {FINGERPRINT}",
            "a=setup:active",
            "a=recvonly" if media.sends else "a=inactive",
            "a=rtcp-mux",
        ]
        for codec in known:
            body.append(f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}/{codec.channels}")
            body += [f"a=fmtp:{codec.payload_type} {codec.parameters}"] if codec.parameters else []
            body += [f"a=rtcp-fb:{codec.payload_type} {value}" for value in codec.feedback]
        body += [
            f"a=extmap:{each.id} {each.uri}"
            for each in media.extensions
            if any(name in each.uri for name in extensions)
        ]
    lines.append(" ".join(["a=group:BUNDLE", *accepted]))
    return "".join(f"{line}\r\n" for line in lines + body)
