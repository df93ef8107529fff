"""A UDP relay that loses packets, between one client and the bridge. Seeded, so that a run can be repeated."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from typing import Self

Address = tuple[str, int]


class LossyRelay:
    """Forwards datagrams both ways and loses a share of those towards the client, and of those from it."""

    def __init__(self, bridge: Address, loss: float, seed: int = 1, *, upwards: float = 0.0) -> None:
        self.bridge = bridge
        self.loss = loss
        self.upwards = upwards
        self.lost: Counter[int] = Counter()
        """Packets lost by the second byte of their header without the marker: RTP's payload type."""
        self.sent: Counter[int] = Counter()
        """Packets that the client sent, lost ones too, by the same."""
        self.forwarded = 0
        self._random = random.Random(seed)
        self._client: Address | None = None
        self._is_cut = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(
            lambda: _Side(self._from_client), local_addr=("127.0.0.1", 0)
        )
        await self._open_far()
        return self

    def cut(self) -> None:
        """Loses everything both ways until `move`."""
        self._is_cut = True

    async def move(self) -> None:
        """Gives the client another address, as from Wi-Fi to mobile: the bridge sees a new source from here on."""
        self._is_cut = False
        self._far.close()
        await self._open_far()

    async def _open_far(self) -> None:
        self._far, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Side(self._from_bridge), local_addr=("127.0.0.1", 0)
        )

    async def __aexit__(self, *_: object) -> None:
        self._near.close()
        self._far.close()

    @property
    def port(self) -> int:
        """Where the client is to send."""
        return int(self._near.get_extra_info("sockname")[1])

    def rewrite(self, answer: str) -> str:
        """The bridge's description with this relay as its only candidate, in every m-line that has candidates."""
        candidate = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {self.port} typ host\r\n"
        return re.sub(r"(?:a=candidate:[^\r\n]*\r\n)+", candidate, answer)

    def _from_client(self, data: bytes, address: Address) -> None:
        self._client = address
        if _is_media(data):
            self.sent[data[1] & 0x7F] += 1
            if self._random.random() < self.upwards:
                return
        if not self._is_cut:
            self._far.sendto(data, self.bridge)

    def _from_bridge(self, data: bytes, _: Address) -> None:
        if self._client is None or self._is_cut:
            return
        if _is_media(data) and self._random.random() < self.loss:
            self.lost[data[1] & 0x7F] += 1
            return
        self.forwarded += 1
        self._near.sendto(data, self._client)


def _is_media(data: bytes) -> bool:
    """Only that is lost: RTP and RTCP begin with 128 to 191 (RFC 7983)."""
    return 128 <= data[0] <= 191


class _Side(asyncio.DatagramProtocol):
    def __init__(self, take: object) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Address) -> None:
        assert callable(self._take)
        self._take(data, addr)
