"""Shares the event loop fairly between DTLS handshakes.

A handshake costs 0.4 ms of CPU. Peers' datagrams wait in a queue per transport, and every turn of the event loop works
off a bounded number of them, one transport after the other: a flood of handshakes delays handshakes, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol

DATAGRAMS_PER_TURN = 16
"""Of all transports together: some 3 ms of work at the worst."""

DATAGRAMS_WAITING = 64
"""Per transport. A flight has at most a dozen; what is beyond this is dropped, and DTLS sends it again."""


class DtlsReceiver(Protocol):
    """Who takes the datagrams in the end."""

    def receive_dtls(self, datagram: bytes) -> None:
        """Takes one datagram."""


class HandshakeQueue:
    """The queue of all transports."""

    def __init__(self) -> None:
        self._waiting: dict[DtlsReceiver, deque[bytes]] = {}
        self._scheduled = False
        self.dropped = 0
        """Datagrams dropped since their transport had too many waiting."""

    def submit(self, receiver: DtlsReceiver, datagrams: Iterable[bytes]) -> None:
        """Puts datagrams in line."""
        waiting = self._waiting.setdefault(receiver, deque())
        for datagram in datagrams:
            if len(waiting) >= DATAGRAMS_WAITING:
                self.dropped += 1
            else:
                waiting.append(datagram)
        self._schedule()

    def forget(self, receiver: DtlsReceiver) -> None:
        """Drops what waits for a transport that is closed."""
        self._waiting.pop(receiver, None)

    def _schedule(self) -> None:
        if not self._scheduled and self._waiting:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        try:
            for _ in range(DATAGRAMS_PER_TURN):
                receiver = next(iter(self._waiting), None)
                if receiver is None:
                    break
                waiting = self._waiting.pop(receiver)
                datagram = waiting.popleft()
                if waiting:
                    # Behind the others: each gets its turn.
                    self._waiting[receiver] = waiting
                receiver.receive_dtls(datagram)
        finally:
            self._schedule()
