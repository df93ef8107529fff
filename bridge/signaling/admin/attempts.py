"""How often somebody may try to sign in.

A key has 256 bits of chance, so that nobody guesses one at any rate; this keeps those who try from the machine and from
the audit log. Each network has a measure of its own, so that nobody keeps the operators out by trying.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from bridge.signaling.rate_limit import RateLimit

PER_SECOND, BURST = 0.1, 10
"""Of one network: an IPv4 address, or 64 bits of an IPv6 one."""
MAX_NETWORKS = 1000
"""Whose measure is kept. The one that tried longest ago is forgotten."""


class Attempts:
    """The measures."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: see `RateLimit`."""
        self._clock = clock
        self._limits: OrderedDict[str, RateLimit] = OrderedDict()

    def take(self, address: str) -> bool:
        """Whether somebody with that address may try now; if so it is counted."""
        network = _network(address)
        limit = self._limits.get(network)
        if limit is None:
            limit = self._limits[network] = RateLimit(PER_SECOND, BURST, self._clock)
            if len(self._limits) > MAX_NETWORKS:
                self._limits.popitem(last=False)
        self._limits.move_to_end(network)
        return limit.take()


def _network(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or int(parsed) >> 64)
