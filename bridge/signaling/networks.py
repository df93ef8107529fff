"""Which networks a request may come from."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request

Network = IPv4Network | IPv6Network


def comes_from(request: Request, networks: Iterable[Network]) -> bool:
    """Whether whoever asks, or whom a trusted proxy speaks for, is in one of these networks; False if nobody knows."""
    if request.client is None:
        return False
    try:
        address = ip_address(request.client.host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
