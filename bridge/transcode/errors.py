"""What legs refuse, in the typed form that the rest of the bridge knows."""

from __future__ import annotations

from bridge.errors import BridgeError


class CodecUnavailableError(BridgeError):
    """A codec that this machine has no encoder or decoder for."""

    def __init__(self, codec: str, why: str) -> None:
        super().__init__("codec_unavailable", f"{codec} cannot be transcoded here: {why}", field="codec")
