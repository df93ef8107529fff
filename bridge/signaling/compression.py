"""Compression of session descriptions on the WebSocket door (RFC 7692).

On a line of 300 kbit/s an offer of 4 kB takes a tenth of a second, deflated a third of that, and the first picture
waits for several of them. Only they are compressed towards clients: what holds secrets never is, since its length
would tell how much of it is like what others can put beside it (CRIME). Nothing of one message helps to compress the
next, for the same reason; so no memory is held between messages either.
"""

from __future__ import annotations

from collections.abc import Sequence

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

WINDOW_BITS = 12
"""A session description repeats itself within 4 KiB; more would cost memory while a message is worked on."""

DESCRIBES = (b'{"type":"subscribe_offer"', b'{"type":"published"')
"""How messages begin that hold a session description."""


class DescriptionDeflate(PerMessageDeflate):
    """Inflates whatever a client deflated, within the limit of a message's size; deflates session descriptions."""

    def encode(self, frame: Frame) -> Frame:
        """The frame as it is sent."""
        if frame.opcode is Opcode.TEXT and frame.fin and bytes(frame.data[:32]).startswith(DESCRIBES):
            return super().encode(frame)
        return frame


class DescriptionDeflateFactory(ServerPerMessageDeflateFactory):
    """Agrees on it with clients that offer permessage-deflate."""

    def __init__(self) -> None:
        super().__init__(
            server_no_context_takeover=True,
            client_no_context_takeover=True,
            server_max_window_bits=WINDOW_BITS,
            client_max_window_bits=WINDOW_BITS,
            compress_settings={"memLevel": 5},
        )

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], DescriptionDeflate]:
        """What is agreed, and the extension that does so."""
        agreed, plain = super().process_request_params(params, accepted_extensions)
        return agreed, DescriptionDeflate(
            plain.remote_no_context_takeover,
            plain.local_no_context_takeover,
            plain.remote_max_window_bits,
            plain.local_max_window_bits,
            plain.compress_settings,
        )
