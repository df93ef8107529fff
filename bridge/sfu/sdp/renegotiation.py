"""What a later offer must keep of the earlier ones (RFC 3264, section 8; RFC 8842, section 5)."""

from __future__ import annotations

import secrets
from dataclasses import replace

from bridge.sfu.sdp.description import SessionDescription
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.sdp.transport import PeerTransport


class Negotiated:
    """The memory of a connection's offers and answers."""

    def __init__(self) -> None:
        # RFC 8829, section 5.2.1: 63 bits, of which the first is 0.
        self.session_id = str(secrets.randbits(62))
        self.peer: PeerTransport | None = None
        self._version = 0
        self._mids: list[str | None] = []
        self._in_use: list[bool] = []
        self.first_media: tuple[str | None, str] = (None, "audio")
        """MID and kind of the m-line that carries the transport."""

    def next_version(self) -> int:
        """The version of our next description: one more than the last."""
        self._version += 1
        return self._version

    def check_offer(self, offer: SessionDescription, peer: PeerTransport | None) -> bool:
        """Checks a client's offer against what was agreed on before; says whether it restarts ICE."""
        if len(offer.media) < len(self._mids):
            raise SdpError("a re-offer may not have fewer m-lines than before", hint="set unused ones to port 0")
        for media, mid, used in zip(offer.media, self._mids, self._in_use, strict=False):
            # An m-line that was at port 0 may be reused for something else (RFC 8829, section 5.2.2).
            if used and media.mid != mid:
                raise SdpError("a re-offer may not reorder m-lines or change their MIDs", line=media.line)
        return self.check_peer(peer, line=offer.media[0].line if offer.media else None)

    def take_offer(self, offer: SessionDescription, peer: PeerTransport | None, answer: SessionDescription) -> None:
        """Remembers an offer and its answer."""
        self.peer = peer or self.peer
        self._mids = [media.mid for media in offer.media]
        self._in_use = [not media.rejected for media in offer.media]
        first = next((media for media in answer.media if not media.rejected), None)
        if first is not None:
            self.first_media = (first.mid, first.kind)

    def take_credentials(self, ufrag: str, pwd: str) -> bool:
        """Remembers ICE credentials that came by a fragment; whether they are new ones."""
        if self.peer is None or (self.peer.ice_ufrag, self.peer.ice_pwd) == (ufrag, pwd):
            return False
        self.peer = replace(self.peer, ice_ufrag=ufrag, ice_pwd=pwd)
        return True

    def check_peer(self, peer: PeerTransport | None, *, line: int | None) -> bool:
        """Checks that the DTLS association stays; says whether the ICE credentials changed."""
        if self.peer is None or peer is None:
            return False
        if set(self.peer.fingerprints) != set(peer.fingerprints):
            raise SdpError(
                "the DTLS fingerprint may not change while the connection lives",
                line=line,
                hint="open a new connection instead",
            )
        return (self.peer.ice_ufrag, self.peer.ice_pwd) != (peer.ice_ufrag, peer.ice_pwd)
