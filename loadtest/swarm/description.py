"""Session descriptions of a light peer: what it offers, and what it needs to know of the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OPUS, VP8 = 111, 96

_BROWSER_OFFER = Path(__file__).parents[2] / "tests" / "sfu" / "fixtures" / "chrome_recvonly.sdp"
"""As Chromium wrote it: an audio and two video m-lines, 11 KiB."""

_SESSION = """\
v=0
o=- {session} 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE {mids}
a=msid-semantic: WMS *
"""
_AUDIO = """\
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtcp-mux
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=ice-options:trickle
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:{mid}
a={direction}
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
"""
_VIDEO = """\
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=rtcp-mux
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=ice-options:trickle
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:{mid}
a={direction}
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
"""


@dataclass(frozen=True)
class Remote:
    """What the bridge says of itself in an answer or in an offer."""

    ufrag: str
    pwd: str
    fingerprint: str
    address: tuple[str, int]
    """Its first UDP candidate."""


def offer(kinds: list[str], direction: str, ufrag: str, pwd: str, fingerprint: str, ssrcs: list[int]) -> str:
    """An offer with one m-line per kind ("audio", "video"); `ssrcs` are signalled when it sends."""
    lines = _SESSION.format(session=int(ufrag.encode().hex(), 16) % 10**15, mids=" ".join(map(str, range(len(kinds)))))
    for mid, kind in enumerate(kinds):
        section = _AUDIO if kind == "audio" else _VIDEO
        lines += section.format(ufrag=ufrag, pwd=pwd, fingerprint=fingerprint, mid=mid, direction=direction)
        if direction == "sendonly":
            lines += f"a=ssrc:{ssrcs[mid]} cname:{ufrag}\na=msid:{ufrag} track-{mid}\n"
    return lines.replace("\n", "\r\n")


def answer(offer: str, ufrag: str, pwd: str, fingerprint: str) -> str:
    """Answers an offer of the bridge's: takes Opus and VP8 as they are offered, and refuses other m-lines."""
    sections = re.split(r"(?m)^(?=m=)", offer.replace("\r\n", "\n"))[1:]
    parts, accepted = [], []
    for section in sections:
        kind = section[2 : section.index(" ")]
        mid = _first(r"^a=mid:(\S+)", section)[1]
        wanted = {"audio": f"a=rtpmap:{OPUS} opus/", "video": f"a=rtpmap:{VP8} VP8/"}.get(kind)
        if wanted is None or wanted not in section or re.match(r"m=\S+ 0 ", section):
            parts.append(re.sub(r" \d+ ", " 0 ", section.split("\n", 1)[0], count=1) + f"\na=mid:{mid}\na=inactive\n")
            continue
        accepted.append(mid)
        direction = "recvonly" if "\na=sendonly" in section else "inactive"
        template = _AUDIO if kind == "audio" else _VIDEO
        lines = template.format(ufrag=ufrag, pwd=pwd, fingerprint=fingerprint, mid=mid, direction=direction)
        parts.append(lines.replace("a=setup:actpass", "a=setup:active"))
    session = _SESSION.format(session=int(ufrag.encode().hex(), 16) % 10**15, mids=" ".join(accepted))
    return (session + "".join(parts)).replace("\n", "\r\n")


@cache
def _browser_template() -> str:
    text = _BROWSER_OFFER.read_text().replace("\r\n", "\n").replace("{", "{{").replace("}", "}}")
    for name, value in (("ufrag", "ice-ufrag:"), ("pwd", "ice-pwd:"), ("fingerprint", "fingerprint:sha-256 ")):
        text = re.sub(rf"(?m)^a={value}.*$", f"a={value}{{{name}}}", text)
    return text.replace("\n", "\r\n")


def browser_offer(ufrag: str, pwd: str, fingerprint: str) -> str:
    """Chromium's offer to receive, of another peer."""
    return _browser_template().format(ufrag=ufrag, pwd=pwd, fingerprint=fingerprint)


def parse_remote(sdp: str) -> Remote:
    """The parts of a description of the bridge's that a light peer uses; raises ValueError when one is missing."""
    candidate = _first(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp)
    return Remote(
        ufrag=_first(r"^a=ice-ufrag:(\S+)", sdp)[1],
        pwd=_first(r"^a=ice-pwd:(\S+)", sdp)[1],
        fingerprint=_first(r"^a=fingerprint:\S+ (\S+)", sdp)[1],
        address=(candidate[1], int(candidate[2])),
    )


def _first(pattern: str, sdp: str) -> re.Match[str]:
    found = re.search(pattern, sdp, re.MULTILINE | re.IGNORECASE)
    if found is None:
        raise ValueError(f"the description has no line like {pattern}")
    return found
