"""What is deflated on the WebSocket door, and what never is."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import PayloadTooBig
from websockets.extensions import permessage_deflate
from websockets.frames import Frame, Opcode

from bridge.signaling.compression import DescriptionDeflate, DescriptionDeflateFactory


def _agreed() -> tuple[DescriptionDeflate, permessage_deflate.PerMessageDeflate]:
    """Our side and a client's, as a browser offers it."""
    client = permessage_deflate.ClientPerMessageDeflateFactory(client_max_window_bits=True)
    params, ours = DescriptionDeflateFactory().process_request_params(client.get_request_params(), [])
    theirs = client.process_response_params(params, [])
    assert theirs.local_no_context_takeover
    assert theirs.remote_no_context_takeover
    return ours, theirs


def _text(message: dict[str, object]) -> Frame:
    return Frame(Opcode.TEXT, json.dumps(message, separators=(",", ":")).encode())


def test_session_descriptions_are_deflated_and_nothing_else() -> None:
    ours, theirs = _agreed()
    offer = _text({"type": "subscribe_offer", "negotiation": 1, "offer": "a=rtpmap:96 VP8/90000\r\n" * 100})
    for _ in range(2):
        sent = ours.encode(offer)
        assert sent.rsv1
        assert len(sent.data) < len(offer.data) / 3
        assert bytes(theirs.decode(sent).data) == offer.data
    secret = _text({"type": "joined", "session": {"secret": "s" * 2000}})
    assert ours.encode(secret) is secret


def test_what_a_client_deflates_is_inflated_up_to_the_limit() -> None:
    ours, theirs = _agreed()
    message = _text({"type": "publish", "offer": "v=0\r\n" * 100})
    assert bytes(ours.decode(theirs.encode(message), max_size=10_000).data) == message.data
    with pytest.raises(PayloadTooBig):
        ours.decode(theirs.encode(_text({"type": "publish", "offer": " " * 10_000_000})), max_size=262_144)
