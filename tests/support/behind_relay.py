"""A participant whose line can be cut, and moved to another address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.bridge import Bridge
from tests.support.participant import Participant
from tests.support.relay import LossyRelay


@asynccontextmanager
async def behind_relay(bridge: Bridge, room: str, identity: str) -> AsyncIterator[tuple[Participant, LossyRelay]]:
    """Somebody who is yet to join, and whose media goes through the relay: one connection of theirs, and no more."""
    async with LossyRelay(("127.0.0.1", bridge.media_port), loss=0.0) as relay:
        participant = Participant(bridge.ws_url, bridge.token(room, identity))
        participant.rewrite_description = relay.rewrite
        try:
            yield participant, relay
        finally:
            await participant.close()
