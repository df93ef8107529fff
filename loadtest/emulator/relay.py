"""UDP and TCP on one port, through one set of links."""

from __future__ import annotations

from typing import Self

from loadtest.emulator.description import LinkDescription
from loadtest.emulator.pool import LinkPool, Sharing, Totals
from loadtest.emulator.tcp_relay import TcpRelay
from loadtest.emulator.udp_relay import UdpRelay

Address = tuple[str, int]

_PORT_ATTEMPTS = 16
"""How often to ask the system for another port where TCP has none of the number that UDP got."""


class Relay:
    """Stands in front of a server: clients use its address in place of the server's.

    `async with Relay(listen, target, description, seed=1) as relay:` listens on both protocols; port 0 takes any.
    """

    def __init__(
        self,
        listen: Address,
        target: Address,
        description: LinkDescription,
        *,
        seed: int,
        sharing: Sharing = Sharing.CLIENT,
        limit: int = 1000,
    ) -> None:
        self.pool = LinkPool(description, seed=seed, sharing=sharing)
        self._listen = listen
        self._target = target
        self._limit = limit
        self.tcp = TcpRelay(target, self.pool, description, limit=limit)

    async def __aenter__(self) -> Self:
        attempts = _PORT_ATTEMPTS if self._listen[1] == 0 else 1
        while True:
            self.udp = UdpRelay(self._listen, self._target, self.pool, limit=self._limit)
            try:
                await self.tcp.listen(self.udp.address)
            except OSError:
                self.udp.close()
                attempts -= 1
                if attempts == 0:
                    raise
            else:
                return self

    async def __aexit__(self, *_: object) -> None:
        await self.tcp.close()
        self.udp.close()
        self.pool.close()

    @property
    def address(self) -> Address:
        """Where clients are to send and connect."""
        return self.udp.address

    def totals(self) -> Totals:
        """What went through so far."""
        return self.pool.totals()
