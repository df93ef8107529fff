"""Which networks a request may come from."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from bridge.signaling.networks import comes_from

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fe80::/10"))


@pytest.mark.parametrize(
    ("host", "within"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("testclient", False),
        (None, False),
    ],
)
def test_only_who_is_known_to_come_from_a_network_does(host: str | None, within: bool) -> None:
    client = None if host is None else (host, 1)
    assert comes_from(Request({"type": "http", "headers": [], "client": client}), NETWORKS) is within
