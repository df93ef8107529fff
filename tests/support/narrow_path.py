"""A host that is reached by a path which swallows what is longer than its MTU, and tells nobody.

Between this namespace and that of the host stands a router whose interfaces have the MTU: what is longer gets no
further, and the ICMP that would say so is dropped. TCP is clamped, as on every such path on which pages load at all:
both ends say by their MSS what they take. Packets leave one by one, as on a wire: virtual interfaces hand runs of UDP
segments on whole, whatever their sizes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.namespace import run

_LINKS = """
link add near0 mtu 1500 type veth peer name near0 mtu {mtu} netns {router}
-n {router} link add far0 mtu {mtu} type veth peer name far0 mtu 1500 netns {host}
link set near0 gso_max_segs 1
-n {host} link set far0 gso_max_segs 1
link set near0 addrgenmode none
link set near0 up
-n {router} link set near0 up
-n {router} link set far0 up
-n {host} link set far0 up
-n {host} link set lo up
"""
_IPV4 = """
address add 203.0.113.2/30 dev near0
-n {router} address add 203.0.113.1/30 dev near0
-n {router} address add 203.0.113.5/30 dev far0
-n {host} address add 203.0.113.6/30 dev far0
route replace default via 203.0.113.1 advmss {mss}
-n {router} route add default via 203.0.113.2
-n {router} rule add pref 10 ipproto icmp blackhole
-n {host} route add default via 203.0.113.5 advmss {mss}
"""
_IPV6 = """
-6 address add 2001:db8:5::2/64 dev near0 nodad
-n {router} -6 address add 2001:db8:5::1/64 dev near0 nodad
-n {router} -6 address add 2001:db8:6::1/64 dev far0 nodad
-n {host} -6 address add 2001:db8:6::2/64 dev far0 nodad
-6 route replace default via 2001:db8:5::1 advmss {mss}
-n {router} -6 route add default via 2001:db8:5::2
-n {host} -6 route add default via 2001:db8:6::1 advmss {mss}
"""
_LEAST_IPV6_MTU = 1280
"""RFC 8200, section 5."""


@dataclass(frozen=True)
class FarHost:
    """The host beyond the path."""

    namespace: str
    router: str
    ipv4: str = "203.0.113.6"
    ipv6: str = "2001:db8:6::2"

    @property
    def wrapper(self) -> tuple[str, ...]:
        """The command that runs another one there."""
        return ("ip", "netns", "exec", self.namespace)

    def narrow(self, mtu: int) -> None:
        """Has the path carry no longer packets than this from now on."""
        for device in ("near0", "far0"):
            run("ip", "-n", self.router, "link", "set", "dev", device, "mtu", str(mtu))


@contextlib.contextmanager
def narrow_path(mtu: int, *, least: int | None = None) -> Iterator[FarHost]:
    """Makes path and host, and has this namespace's default routes lead there; both go with the block.

    `mtu` is that of IP packets, in bytes; with less than 1280 there is no IPv6. TCP is clamped to `least` from the
    start, where the path is to narrow to that.
    """
    router, host = f"router-{os.getpid()}", f"host-{os.getpid()}"
    made: list[str] = []

    def configure(lines: str, headers: int = 0) -> None:
        for line in lines.strip().splitlines():
            run("ip", *line.format(router=router, host=host, mtu=mtu, mss=(least or mtu) - headers).split())

    try:
        for name in (router, host):
            run("ip", "netns", "add", name)
            made.append(name)
        forwarding = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"
        run("ip", "netns", "exec", router, "sh", "-c", forwarding)
        configure(_LINKS)
        configure(_IPV4, headers=40)
        if mtu >= _LEAST_IPV6_MTU:
            configure(_IPV6, headers=60)
        yield FarHost(host, router)
    finally:
        for name in made:
            run("ip", "netns", "delete", name)
